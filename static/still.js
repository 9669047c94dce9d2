// The last picture, kept on a canvas while the video element has none to show.

/** Copies the picture to `canvas` and shows it until `video` shows a new one. */
export function keepPicture(video, canvas) {
  if (video.readyState < 2 || !video.videoWidth) return;
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  canvas.hidden = false;
  const thaw = () => { canvas.hidden = true; };
  const awaitPicture = () => {
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(thaw);
    else video.addEventListener('timeupdate', thaw, { once: true });
  };
  // Pictures that are on their way at this moment are old ones; a seek or a load comes before the new.
  video.addEventListener('seeked', awaitPicture, { once: true });
  video.addEventListener('loadeddata', awaitPicture, { once: true });
}
