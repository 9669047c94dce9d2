#!/usr/bin/python3
"""A player for tests: GStreamer's hlsdemux2 with decoders, in real time, as playbin3 has it.

Plays URL for some seconds and prints one line of JSON: the demuxers that were used, for each kind of
stream the number of decoded buffers, the seconds of media that they are, and their longest hole, and
all errors and warnings.
Needs gi with Gst 1.0: on Debian python3-gi, gstreamer1.0-plugins-{base,good,bad} and gstreamer1.0-libav.
"""

import argparse
import json
import sys
import threading

try:
    import gi

    gi.require_version("Gst", "1.0")
    from gi.repository import GLib, Gst
except (ImportError, ValueError) as error:
    sys.exit(f"gst_player.py: GStreamer cannot be used from {sys.executable}: {error}")

LOCK = threading.Lock()


class Stream:
    """What came out of one decoder."""

    def __init__(self):
        self.buffers = 0
        self.first = None
        self.end = None
        self.hole = 0

    def take(self, buffer):
        with LOCK:
            self.buffers += 1
            if self.end is None:
                self.first = buffer.pts
            else:
                self.hole = max(self.hole, abs(buffer.pts - self.end))
            duration = 0 if buffer.duration == Gst.CLOCK_TIME_NONE else buffer.duration
            self.end = buffer.pts + duration

    def report(self):
        with LOCK:
            return {
                "buffers": self.buffers,
                "seconds": 0 if self.first is None else (self.end - self.first) / Gst.SECOND,
                "hole": self.hole / Gst.SECOND,
            }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--seconds", type=float, default=12, help="of media, from the first picture on")
    parser.add_argument("--patience", type=float, default=40, help="seconds after which it ends in any case")
    options = parser.parse_args()
    Gst.init(None)
    loop = GLib.MainLoop()
    pipeline = Gst.Pipeline.new("player")
    source = Gst.ElementFactory.make("uridecodebin3")
    source.set_property("uri", options.url)
    pipeline.add(source)
    streams, demuxers, messages = {}, set(), []

    def decoded(_, pad):
        caps = pad.get_current_caps() or pad.query_caps()
        kind = caps.get_structure(0).get_name().split("/")[0]
        stream = streams.setdefault(kind, Stream())
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", True)
        sink.set_property("signal-handoffs", True)
        sink.connect("handoff", lambda _sink, buffer, _pad: stream.take(buffer))
        pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def added(_, __, element):
        factory = element.get_factory()
        if factory and "Demuxer/Adaptive" in factory.get_metadata("klass"):
            demuxers.add(factory.get_name())

    def heard(_, message):
        if message.type in (Gst.MessageType.ERROR, Gst.MessageType.WARNING):
            parse = message.parse_error if message.type == Gst.MessageType.ERROR else message.parse_warning
            error, detail = parse()
            messages.append(f"{message.src.get_name()}: {error.message} ({detail})")
            if message.type == Gst.MessageType.ERROR:
                loop.quit()
        elif message.type == Gst.MessageType.EOS:
            messages.append("the stream has ended")
            loop.quit()

    def enough():
        video = streams.get("video")
        if video and video.report()["seconds"] >= options.seconds:
            loop.quit()
        return True

    source.connect("pad-added", decoded)
    pipeline.connect("deep-element-added", added)
    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message", heard)
    GLib.timeout_add(100, enough)
    GLib.timeout_add(int(options.patience * 1000), loop.quit)
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    report = {kind: stream.report() for kind, stream in streams.items()}
    print(json.dumps({"demuxers": sorted(demuxers), "messages": messages, **report}), flush=True)
    pipeline.set_state(Gst.State.NULL)


main()
