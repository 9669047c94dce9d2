#!/bin/sh
# Draws the demo camera's clip: main.mp4 and sub.mp4, beside this script. Needs ffmpeg with libx264 and libfreetype,
# and the DejaVu fonts. The results are committed; run this only to change the picture or the sound.
#
# What the server counts on:
#   60 s at 25 fps, so 1500 frames; an IDR frame every 50 (2 s) and nowhere else; no B-frames.
#   60 s of AAC-LC at 32 kHz, so 1875 units of 1024 samples.
#   Whatever moves has a period that divides 60 s: frame 1499 goes over into frame 0 without a seam.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fonts=${FONTS:-/usr/share/fonts/truetype/dejavu}
thin=$fonts/DejaVuSans.ttf
bold=$fonts/DejaVuSans-Bold.ttf

# All is drawn at 1920x1080 and scaled down: half a pixel of the result is one of the drawing, so slow motion is smooth.
# `geq` is slow, so each still layer is drawn once and looped.

# The sky: night blue above, a touch of dawn above the hills.
sky="color=black:s=1920x1080:r=25:d=0.04,format=gbrp,
geq=r='10+30*pow(Y/1080,2)':g='14+34*pow(Y/1080,2)':b='30+58*pow(Y/1080,1.5)',format=rgba,loop=-1:1"

# The moon: a disk with a soft edge in a faint halo. Register 0 holds the distance from the middle.
moon="color=black:s=520x520:r=25:d=0.04,format=rgba,
geq=r='255':g='236':b='200':a='st(0,hypot(X-260,Y-260));
max(255*clip(76-ld(0),0,1),70*pow(clip((260-ld(0))/184,0,1),2.2))',loop=-1:1"

# The hills: three ridges, each darker than the one behind; on the nearest a small domed pavilion, the belvedere.
# Registers 1 to 3 hold how much of the pixel is on or below each ridge, 4 how much is in the pavilion.
hills="st(1,clip(Y-(800-70*sin(X/310+0.6)-26*sin(X/97+1)),0,1));
st(2,clip(Y-(880-56*sin(X/420+3.4)-20*sin(X/140)),0,1));
st(3,clip(Y-(968-60*sin(X/520+4.1)-8*sin(X/90)),0,1));
st(5,hypot(X-1560,Y-806));
st(6,abs(X-1560));
st(4,max(max(clip(56-ld(5),0,1)*lt(Y,806),between(Y,806,818)*lte(ld(6),66)),
max(max(between(Y,818,900)*(between(ld(6),52,60)+between(ld(6),15,22)),between(Y,896,980)*lte(ld(6),72)),
between(Y,724,752)*lte(ld(6),3))));
st(3,max(ld(3),ld(4)));"
ridges="color=black:s=1920x1080:r=25:d=0.04,format=rgba,
geq=r='$hills lerp(lerp(34,22,ld(2)),9,ld(3))':g='$hills lerp(lerp(46,30,ld(2)),13,ld(3))':
b='$hills lerp(lerp(84,58,ld(2)),28,ld(3))':a='$hills 255*max(max(ld(1),ld(2)),ld(3))',loop=-1:1"

# The bead that glides along its rail, there and back in 4 s: the quickest way to see a stutter.
bead="color=black:s=48x48:r=25:d=0.04,format=rgba,
geq=r='255':g='196':b='112':a='255*clip(17-hypot(X-24,Y-24),0,1)',loop=-1:1"

cat >"$work/graph" <<GRAPH
$sky [sky];
$moon [moon];
$ridges [ridges];
$bead [bead];
[sky][moon] overlay=x='1430-260+360*sin(2*PI*t/60)':y='700-260-470*cos(2*PI*t/60)':format=rgb:eval=frame [night];
[night][ridges] overlay=format=rgb,
drawtext=fontfile=$bold:text='B E L V E D E R E':fontsize=58:fontcolor=0xf2ead8:x=140:y=120,
drawtext=fontfile=$thin:text='the built-in demo camera':fontsize=40:fontcolor=0x9fb0d0:x=142:y=204,
drawtext=fontfile=$bold:text='%{eif\:floor(n/25)\:d\:2}.%{eif\:floor(mod(n,25)/2.5)\:d}':
fontsize=360:fontcolor=0xf7f3e8:x=128:y=330:fix_bounds=0,
drawtext=fontfile=$thin:text='seconds past the minute, UTC':fontsize=40:fontcolor=0x9fb0d0:x=142:y=690,
drawbox=x=142:y=1014:w=840:h=4:color=0x5a6a90:t=fill [scene];
[scene][bead] overlay=x='562-24+396*sin(2*PI*t/4)':y=1016-24:format=rgb,trim=end_frame=1500,split [a][b];
[a] scale=960:540:flags=area:out_color_matrix=bt709:out_range=tv,format=yuv420p,
drawtext=fontfile=$thin:text='main  960 x 540':fontsize=18:fontcolor=0x9fb0d0:x=w-tw-70:y=497 [main];
[b] scale=320:180:flags=area:out_color_matrix=bt709:out_range=tv,format=yuv420p,
drawtext=fontfile=$thin:text='sub  320 x 180':fontsize=9:fontcolor=0x9fb0d0:x=w-tw-23:y=165 [sub]
GRAPH

# A soft bell each second, a higher one each tenth second, the highest on the minute; silent long before the next.
bell="st(0,mod(t,1));st(1,if(lt(mod(t,60),1),1046.5,if(lt(mod(t,10),1),784,523.25)));
0.22*min(1,ld(0)/0.008)*exp(-9*ld(0))*(sin(2*PI*ld(1)*ld(0))+0.35*exp(-9*ld(0))*sin(4*PI*ld(1)*ld(0)))"

# AAC units overlap, so the loop is encoded three times and the middle one kept: its first unit continues its last.
ffmpeg -v error -y -f lavfi -i "aevalsrc='$bell':s=32000:c=mono:d=180" \
    -c:a aac -profile:a aac_low -b:a 40k -fflags +bitexact -flags:a +bitexact "$work/three.mp4"
ffmpeg -v error -y -i "$work/three.mp4" -ss 60 -t 60 -c copy -fflags +bitexact "$work/tone.mp4"

x264="-c:v libx264 -preset veryslow -profile:v main -pix_fmt yuv420p -bf 0 -g 50 -keyint_min 50 -sc_threshold 0
-refs 2 -flags:v +cgop+bitexact -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv"
# shellcheck disable=SC2086 # the options are words
ffmpeg -v error -y -filter_complex_script "$work/graph" \
    -map '[main]' $x264 -crf "${MAIN_CRF:-23}" -fflags +bitexact "$work/main.mp4" \
    -map '[sub]' $x264 -crf "${SUB_CRF:-23}" -fflags +bitexact "$work/sub.mp4"

for name in main sub; do
    # The encoder's own SEI message is of no use to anybody.
    ffmpeg -v error -y -i "$work/$name.mp4" -i "$work/tone.mp4" -map 0:v -map 1:a -c copy \
        -bsf:v filter_units=remove_types=6 -movflags +faststart -fflags +bitexact "$here/$name.mp4"
done
ls -l "$here"/*.mp4
