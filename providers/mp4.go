package providers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
)

// Bounds of reading an mp4: how many boxes are looked at, and how much of a
// sample description.
const (
	mp4Boxes       = 600
	mp4Description = 1 << 10
	mp4Tracks      = 8
)

type mp4Reader struct {
	r      io.ReaderAt
	boxes  int
	h      MediaHeader
	codecs []string
	media  bool    // mdat was met before moov
	at     int64   // of the top-level box under way
	scale  float64 // of the movie header, for mehd
}

func readMP4(r io.ReaderAt, size int64) (MediaHeader, error) {
	m := &mp4Reader{r: r}
	err := m.walk(0, size, func(kind string, at, body, end int64) (bool, error) {
		m.at = at
		switch kind {
		case "mdat":
			m.media = true
		case "moov":
			m.h.IndexAtEnd = m.media
			return true, m.moov(body, end)
		}
		return false, nil
	})
	if errors.Is(err, errShort) && len(m.codecs) == 0 {
		m.h.NextBox = m.at
	}
	m.h.Codecs = strings.Join(m.codecs, ",")
	return m.h, err
}

// walk calls f for each box between from and to until f says stop.
func (m *mp4Reader) walk(from, to int64, f func(kind string, at, body, end int64) (stop bool, err error)) error {
	for at := from; at+8 <= to; {
		if from == 0 {
			m.at = at
		}
		if m.boxes++; m.boxes > mp4Boxes {
			return errHeader
		}
		var b [16]byte
		if err := readFull(m.r, b[:8], at); err != nil {
			return err
		}
		n, body := int64(binary.BigEndian.Uint32(b[:4])), at+8
		switch n {
		case 0: // to the end
			n = to - at
		case 1:
			if err := readFull(m.r, b[8:], at+8); err != nil {
				return err
			}
			n, body = int64(binary.BigEndian.Uint64(b[8:])), at+16
		}
		if n < body-at || n > to-at {
			return errHeader
		}
		stop, err := f(string(b[4:8]), at, body, at+n)
		if err != nil || stop {
			return err
		}
		at += n
	}
	return nil
}

func (m *mp4Reader) moov(from, to int64) error {
	return m.walk(from, to, func(kind string, _, body, end int64) (bool, error) {
		switch kind {
		case "mvhd":
			return false, m.movie(body)
		case "mvex": // a fragmented file says its length here
			return false, m.walk(body, end, func(kind string, _, body, _ int64) (bool, error) {
				if kind == "mehd" {
					return false, m.fragmented(body)
				}
				return false, nil
			})
		case "trak":
			if len(m.codecs) < mp4Tracks {
				return false, m.track(body, end)
			}
		}
		return false, nil
	})
}

func (m *mp4Reader) movie(body int64) error {
	var b [32]byte
	if err := readFull(m.r, b[:], body); err != nil {
		return err
	}
	at := 12 // behind version, flags and two times of 32 bits
	if b[0] == 1 {
		at = 20
	}
	scale := float64(binary.BigEndian.Uint32(b[at:]))
	if scale == 0 {
		return errHeader
	}
	var units float64
	if b[0] == 1 {
		if v := binary.BigEndian.Uint64(b[at+4:]); v != 1<<64-1 {
			units = float64(v)
		}
	} else if v := binary.BigEndian.Uint32(b[at+4:]); v != 1<<32-1 {
		units = float64(v)
	}
	m.h.Duration = seconds(units, scale)
	m.scale = scale
	return nil
}

func (m *mp4Reader) fragmented(body int64) error {
	var b [12]byte
	if err := readFull(m.r, b[:], body); err != nil {
		return err
	}
	units := float64(binary.BigEndian.Uint32(b[4:]))
	if b[0] == 1 {
		units = float64(binary.BigEndian.Uint64(b[4:]))
	}
	if d := seconds(units, m.scale); d > 0 && m.scale > 0 {
		m.h.Duration = d
	}
	return nil
}

// track goes down trak, mdia, minf, stbl to the first sample description.
func (m *mp4Reader) track(from, to int64) error {
	return m.walk(from, to, func(kind string, _, body, end int64) (bool, error) {
		switch kind {
		case "mdia", "minf", "stbl":
			return false, m.track(body, end)
		case "stsd":
			return true, m.description(body, end)
		}
		return false, nil
	})
}

func (m *mp4Reader) description(body, end int64) error {
	b := make([]byte, min(end-body, mp4Description))
	if err := readFull(m.r, b, body); err != nil {
		return err
	}
	if len(b) < 16 {
		return nil
	}
	entry, kind := b[8:], string(b[12:16])
	if n := int(binary.BigEndian.Uint32(entry)); n >= 8 && n < len(entry) {
		entry = entry[:n]
	}
	const visual, audio = 86, 36 // bytes of an entry before its own boxes
	if v := visualCodec(kind, entry, visual); v != "" {
		if len(entry) >= 36 {
			m.h.Width, m.h.Height = int(binary.BigEndian.Uint16(entry[32:])), int(binary.BigEndian.Uint16(entry[34:]))
		}
		m.codecs = append(m.codecs, v)
		return nil
	}
	if a := audioCodec(kind, entry, audio); a != "" {
		m.codecs = append(m.codecs, a)
	}
	return nil
}

// sub finds the body of a box inside a sample description.
func sub(entry []byte, from int, kind string) []byte {
	for at := from; at+8 <= len(entry); {
		n := int(binary.BigEndian.Uint32(entry[at:]))
		if n < 8 || n > len(entry)-at {
			return nil
		}
		if string(entry[at+4:at+8]) == kind {
			return entry[at+8 : at+n]
		}
		at += n
	}
	return nil
}

func visualCodec(kind string, entry []byte, from int) string {
	switch kind {
	case "avc1", "avc3":
		return avcString(kind, sub(entry, from, "avcC"))
	case "hvc1", "hev1":
		return hevcString(kind, sub(entry, from, "hvcC"))
	case "av01":
		return av1String(sub(entry, from, "av1C"))
	case "vp09":
		if c := sub(entry, from, "vpcC"); len(c) >= 7 {
			return fmt.Sprintf("vp09.%02d.%02d.%02d", c[4], c[5], c[6]>>4)
		}
		return "vp09.00.10.08"
	case "mp4v":
		return "mp4v.20.9"
	}
	return ""
}

func audioCodec(kind string, entry []byte, from int) string {
	switch kind {
	case "mp4a":
		if n := audioObject(sub(entry, from, "esds")); n > 0 {
			return fmt.Sprintf("mp4a.40.%d", n)
		}
		return "mp4a.40.2"
	case "Opus":
		return "opus"
	case "fLaC":
		return "flac"
	case ".mp3":
		return "mp3"
	case "ac-3", "ec-3":
		return kind
	}
	return ""
}

// audioObject goes down the descriptors of an esds box to the first five bits
// of the decoder's own.
func audioObject(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	b = b[4:]
	for _, d := range []struct {
		tag  byte
		skip int // fields before what is inside
	}{{3, 3}, {4, 13}, {5, 0}} {
		if len(b) < 2 || b[0] != d.tag {
			return 0
		}
		b = b[1:]
		for len(b) > 0 && b[0]&0x80 != 0 { // the length may be padded
			b = b[1:]
		}
		if len(b) < 2+d.skip {
			return 0
		}
		b = b[1+d.skip:]
	}
	return int(b[0] >> 3)
}

func avcString(kind string, avcC []byte) string {
	if len(avcC) < 4 {
		return kind
	}
	return fmt.Sprintf("%s.%02x%02x%02x", kind, avcC[1], avcC[2], avcC[3])
}

// hevcString is Annex E of ISO 14496-15.
func hevcString(kind string, c []byte) string {
	if len(c) < 13 {
		return kind
	}
	space := []string{"", "A", "B", "C"}[c[1]>>6]
	tier := "L"
	if c[1]&0x20 != 0 {
		tier = "H"
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s.%s%d.%X.%s%d", kind, space, c[1]&0x1f, bits.Reverse32(binary.BigEndian.Uint32(c[2:])), tier, c[12])
	constraints := c[6:12]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	for _, b := range constraints {
		fmt.Fprintf(&s, ".%X", b)
	}
	return s.String()
}

func av1String(c []byte) string {
	if len(c) < 3 {
		return "av01.0.04M.08"
	}
	tier, depth := "M", 8
	if c[2]&0x80 != 0 {
		tier = "H"
	}
	if c[2]&0x40 != 0 {
		depth = 10
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", c[1]>>5, c[1]&0x1f, tier, depth)
}
