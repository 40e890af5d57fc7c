#!/bin/sh
# Cuts the fonts down to what a report may show: make.sh FOLDER, where the unpacked npm packages lie.
set -eu
from=$1
to=$(dirname "$0")
latin="U+0020-007E,U+00A0-024F,U+02BC,U+02C6-02DD,U+0300-0304,U+0306-030C,U+0370-03FF,U+0400-045F,U+0490-0491,U+1E00-1EFF"
signs="U+2010-2027,U+202F-203A,U+2044,U+2070-209C,U+20AC,U+2116,U+2122,U+2190-2199,U+2212,U+2215,U+2248,U+2260,U+2264-2265"
signs="$signs,U+25A0,U+25B2,U+25B6,U+25BC,U+25C0,U+25CF,U+25CB,U+2713,U+2717,U+27E8-27E9,U+FFFD"
more="U+0020-007E,U+00A0-02AF,U+0300-036F,U+0370-052F,U+0531-0589,U+0591-05F4,U+0600-06FF,U+0750-077F,U+07C0-07FA"
more="$more,U+0E80-0EFF,U+10A0-10FF,U+2010-2027,U+2030-205E,U+2070-209C,U+20A0-20BF,U+2100-22FF,U+2300-232B,U+2460-2473"
more="$more,U+2500-2667,U+2701-27BE,U+27E8-27E9,U+2C60-2C7F,U+2D00-2D25,U+2D30-2D6F,U+FB1D-FDFF,U+FE70-FEFF,U+FFFD"
cut() {
    pyftsubset "$from/$1" --unicodes="$2" --layout-features="$3" --output-file="$to/$4" --no-hinting \
        --drop-tables+=DSIG,GDEF --name-IDs=0,1,2,4,6,13,14 --notdef-outline --recalc-bounds
}
cut inter/400Regular/Inter_400Regular.ttf "$latin,$signs" kern,ccmp,mark,mkmk,locl,tnum,cv08 Inter-Regular.ttf
cut inter/600SemiBold/Inter_600SemiBold.ttf "$latin,$signs" kern,ccmp,mark,mkmk,locl,tnum Inter-SemiBold.ttf
cut jetbrains-mono/400Regular/JetBrainsMono_400Regular.ttf "$latin,$signs,U+2500-257F" ccmp,mark,mkmk JetBrainsMono-Regular.ttf
cut dejavu-fonts-ttf/ttf/DejaVuSans.ttf "$more" kern,ccmp,mark,mkmk,locl,init,medi,fina,isol,rlig DejaVuSans.ttf
