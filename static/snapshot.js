// The picture that a video shows, as a file.

/** A JPEG of what is shown now; rejects when there is nothing to show or the browser keeps it to itself. */
export function pictureOf(video, still) {
  // While the video has nothing, the last picture stands on the canvas above it.
  const source = still.hidden ? video : still;
  const { width, height } = still.hidden ? { width: video.videoWidth, height: video.videoHeight } : still;
  if (!width) return Promise.reject(new Error('there is no picture yet'));
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  canvas.getContext('2d').drawImage(source, 0, 0, width, height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the browser makes no picture of it'))), 'image/jpeg', 0.92);
  });
}

/** `front-door 2026-11-25 16-20-03.jpg`, in local time. */
export function snapshotName(camera, date = new Date()) {
  const two = (number) => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join('-');
  return `${camera} ${day} ${time}.jpg`;
}

/** Hands `blob` to the person as a file. */
export function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
