#!/usr/bin/python3
"""A camera for tests: GStreamer's RTSP server with the mount points /main and /sub.

Prints one line of JSON with the port, then serves until SIGTERM or the end of stdin; prints
another line for each TEARDOWN.
Needs gi with Gst and GstRtspServer 1.0: on Debian python3-gi, gir1.2-gst-rtsp-server-1.0,
gstreamer1.0-plugins-{base,good,bad,ugly} and gstreamer1.0-libav; for --tls glib-networking.
"""

import argparse
import json
import signal
import sys
import threading

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtsp", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer
except (ImportError, ValueError) as error:
    sys.exit(f"gst_camera.py: GStreamer's RTSP server cannot be used from {sys.executable}: {error}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", default="0", help="0 takes any free port")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--gop", type=int, default=25, help="pictures from key frame to key frame")
    parser.add_argument("--bframes", type=int, default=0)
    parser.add_argument("--codec", choices=["h264", "h265", "jpeg"], default="h264")
    parser.add_argument("--slices", type=int, default=0, help="of each picture of H.264, in High profile")
    parser.add_argument("--size", default="640x360", help="of /main; /sub has half of it")
    parser.add_argument("--audio", choices=["off", "aac", "pcma", "pcmu", "l16", "g722", "g726", "opus"],
                        default="aac")
    parser.add_argument("--auth", choices=["none", "basic", "digest"], default="none")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="rtsps, with these files; wants --auth too")
    parser.add_argument("--user", default="viewer")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--sub-delay", type=int, default=0, metavar="MS", help="/sub comes later by this")
    parser.add_argument("--flash", action="store_true",
                        help="black pictures, and noise for 0.2 s a second on both mount points at once")
    return parser.parse_args()


def launch(options, size, delay_ms):
    """The pipeline of one mount point."""
    width, height = size
    gop, bframes = options.gop, options.bframes
    # The fastest preset has nothing in it that needs more than the plainest profile.
    preset = "veryfast" if options.slices else "ultrafast"
    profile = "high" if options.slices else "main" if bframes else "baseline"
    slices = f":slices={options.slices}:sliced-threads=0" if options.slices else ""
    encoder = {
        "h264": f"x264enc speed-preset={preset} bitrate=2000 key-int-max={gop} bframes={bframes} "
                f"b-adapt=false option-string=scenecut=0{slices} {'' if bframes else 'tune=zerolatency'} "
                f"! video/x-h264,profile={profile} ! rtph264pay config-interval=-1",
        "h265": f"x265enc speed-preset=ultrafast bitrate=2000 key-int-max={gop} "
                f"option-string=bframes={bframes}:scenecut=0:open-gop=0 {'' if bframes else 'tune=zerolatency'} "
                "! rtph265pay config-interval=-1",
        "jpeg": "jpegenc ! rtpjpegpay",
    }[options.codec]
    # Without a delay too: a source with a queue behind it draws its picture earlier than one without.
    late = f"queue max-size-time=0 max-size-buffers=0 max-size-bytes=0 min-threshold-time={delay_ms * 1000000} !"
    pattern = "black" if options.flash else "ball"
    video = (f"videotestsrc is-live=true name=picture pattern={pattern} "
             f"! video/x-raw,format=I420,width={width},height={height},framerate={options.fps}/1 "
             f"! {late} {encoder} name=pay0 pt=96")
    audio = {
        "off": "",
        "aac": "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1 ! audioconvert "
               "! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97",
        "pcma": "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc "
                "! rtppcmapay name=pay1 pt=8",
        "pcmu": "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! mulawenc "
                "! rtppcmupay name=pay1 pt=0 max-ptime=20000000 min-ptime=20000000",
        "l16": "audiotestsrc is-live=true ! audio/x-raw,rate=16000,channels=2 ! audioconvert "
               "! rtpL16pay name=pay1 pt=97",
        "g722": "audiotestsrc is-live=true ! audio/x-raw,rate=16000,channels=1 ! avenc_g722 "
                "! rtpg722pay name=pay1 pt=9",
        "g726": "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! avenc_g726 bitrate=32000 "
                "! rtpg726pay name=pay1 pt=97",
        "opus": "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! opusenc "
                "! rtpopuspay name=pay1 pt=97",
    }[options.audio]
    return f"( {video} {audio} )"


def protect(server, options):
    """Asks for the password, by Basic or Digest."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if options.auth == "basic":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(options.user, options.password, token)
    if options.tls:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_files(*options.tls))
    server.set_auth(auth)


def configure(media, pictures):
    """Takes note of a pipeline's source, and has its sender reports tell the time of capture.

    By default GStreamer's reports tell the time of sending; cameras tell that of capture.
    """
    pictures.append(media.get_element().get_by_name("picture"))

    def prepared(media):
        for element in media.get_element().get_parent().children:
            if element.get_factory() and element.get_factory().get_name() == "rtpbin":
                element.set_property("rtcp-sync-send-time", False)

    media.connect("prepared", prepared)


def flash(pictures, pattern):
    """Switches all mount points between black (2) and noise (1) at one time."""
    for picture in pictures:
        picture.set_property("pattern", pattern)
    GLib.timeout_add(200 if pattern == 1 else 800, flash, pictures, 2 if pattern == 1 else 1)
    return False


def main():
    options = arguments()
    Gst.init(None)
    loop = GLib.MainLoop()
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    if options.auth != "none":
        protect(server, options)
    width, height = (int(number) for number in options.size.split("x"))
    pictures = []
    for path, size, delay in [("/main", (width, height), 0),
                              ("/sub", (width // 2 & ~1, height // 2 & ~1), options.sub_delay)]:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch(options, size, delay))
        factory.set_shared(True)
        if options.auth != "none":
            factory.add_role_from_structure(
                Gst.Structure.from_string(
                    "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true")[0])
        factory.connect("media-configure", lambda _, media: configure(media, pictures))
        server.get_mount_points().add_factory(path, factory)
    if server.attach(None) == 0:
        sys.exit(f"gst_camera.py: cannot listen on port {options.port}")
    if options.flash:
        flash(pictures, 2)
    server.connect("client-connected", lambda _, client: client.connect(
        "teardown-request", lambda *_: print(json.dumps({"request": "TEARDOWN"}), flush=True)))
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)

    def watch_stdin():
        sys.stdin.buffer.read()
        GLib.idle_add(loop.quit)

    threading.Thread(target=watch_stdin, daemon=True).start()
    print(json.dumps({"port": server.get_bound_port()}), flush=True)
    loop.run()


main()
