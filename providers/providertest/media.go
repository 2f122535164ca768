package providertest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// MP4 is a small file of that many seconds with an H.264 and an AAC track of
// no content. With indexAtEnd the index comes after fill bytes of media.
func MP4(seconds uint32, fill int, indexAtEnd bool) []byte {
	ftyp := box("ftyp", []byte("isom\x00\x00\x02\x00isomiso2avc1mp41"))
	mvhd := make([]byte, 100)
	binary.BigEndian.PutUint32(mvhd[12:], 1000)
	binary.BigEndian.PutUint32(mvhd[16:], seconds*1000)
	video := make([]byte, 78)
	binary.BigEndian.PutUint16(video[24:], 1920)
	binary.BigEndian.PutUint16(video[26:], 1080)
	avc := box("avc1", video, box("avcC", []byte{1, 0x64, 0, 0x28, 0xff, 0xe0}))
	mp4a := box("mp4a", make([]byte, 28), box("esds", []byte("\x00\x00\x00\x00\x03\x19\x00\x00\x00\x04\x11\x40\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x02\x12\x10\x06\x01\x02")))
	moov := box("moov", box("mvhd", mvhd), track(avc), track(mp4a))
	mdat := box("mdat", bytes.Repeat([]byte{0xaa}, fill))
	if indexAtEnd {
		return bytes.Join([][]byte{ftyp, mdat, moov}, nil)
	}
	return bytes.Join([][]byte{ftyp, moov, mdat}, nil)
}

func box(kind string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	out := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(append(out, kind...), body...)
}

func track(entry []byte) []byte {
	stsd := box("stsd", []byte{0, 0, 0, 0, 0, 0, 0, 1}, entry)
	return box("trak", box("tkhd", make([]byte, 84)), box("mdia", box("mdhd", make([]byte, 24)), box("minf", box("stbl", stsd))))
}

// MKV is a small Matroska or WebM file of that many seconds.
func MKV(docType string, seconds float64) []byte {
	dur := binary.BigEndian.AppendUint64(nil, math.Float64bits(seconds*1000))
	info := element(0x1549a966, element(0x2ad7b1, []byte{0x0f, 0x42, 0x40}), element(0x4489, dur))
	video := element(0xae, element(0x86, []byte("V_VP9")), element(0xe0, element(0xb0, []byte{0x05, 0x00}), element(0xba, []byte{0x02, 0xd0})))
	audio := element(0xae, element(0x86, []byte("A_OPUS")))
	segment := element(0x18538067, info, element(0x1654ae6b, video, audio), element(0x1f43b675, make([]byte, 64)))
	return append(element(0x1a45dfa3, element(0x4282, []byte(docType))), segment...)
}

func element(id uint32, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	var out []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if b := byte(id >> shift); b != 0 || len(out) > 0 {
			out = append(out, b)
		}
	}
	out = append(out, 0x10|byte(len(body)>>24), byte(len(body)>>16), byte(len(body)>>8), byte(len(body)))
	return append(out, body...)
}

// TS is a transport stream of empty packets.
func TS(packets int) []byte {
	p := append([]byte{0x47, 0x1f, 0xff, 0x10}, bytes.Repeat([]byte{0xff}, 184)...)
	return bytes.Repeat(p, packets)
}

// HLS is a media playlist of n segments of four seconds; it grows when live.
func HLS(n int, live bool) []byte {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n")
	for i := range n {
		fmt.Fprintf(&b, "#EXTINF:4.000,\nseg%d.ts\n", i)
	}
	if !live {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return []byte(b.String())
}
