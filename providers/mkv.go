package providers

import (
	"encoding/binary"
	"io"
	"math"
	"strings"
	"time"
)

// Bounds of reading a Matroska file.
const (
	mkvElements = 600
	mkvMaxData  = 4 << 10 // of one value that is kept
	mkvTracks   = 16
)

// The elements that are looked at.
const (
	mkvEBML      = 0x1a45dfa3
	mkvSegment   = 0x18538067
	mkvInfo      = 0x1549a966
	mkvScale     = 0x2ad7b1
	mkvDuration  = 0x4489
	mkvTrackList = 0x1654ae6b
	mkvEntry     = 0xae
	mkvCodecID   = 0x86
	mkvPrivate   = 0x63a2
	mkvVideo     = 0xe0
	mkvWidth     = 0xb0
	mkvHeight    = 0xba
	mkvCluster   = 0x1f43b675
)

type mkvReader struct {
	r        io.ReaderAt
	elements int
	h        MediaHeader
	scale    float64 // nanoseconds
	units    float64
	codecs   []string
	codec    string // of the track under way
	private  []byte
}

func readMKV(r io.ReaderAt, size int64) (MediaHeader, error) {
	m := &mkvReader{r: r, scale: 1e6}
	err := m.walk(0, size, 0)
	m.h.Duration = seconds(m.units*m.scale, float64(time.Second))
	m.h.Codecs = strings.Join(m.codecs, ",")
	return m.h, err
}

// vint reads a variable-length number; keep leaves the length marker in, as ids have it.
func (m *mkvReader) vint(at int64, keep bool) (v uint64, n int64, err error) {
	var b [8]byte
	if err := readFull(m.r, b[:1], at); err != nil {
		return 0, 0, err
	}
	n = 1
	for mask := byte(0x80); mask != 0 && b[0]&mask == 0; mask >>= 1 {
		n++
	}
	if n > 8 {
		return 0, 0, errHeader
	}
	if err := readFull(m.r, b[1:n], at+1); err != nil {
		return 0, 0, err
	}
	if !keep {
		b[0] &= 0xff >> n
	}
	for _, c := range b[:n] {
		v = v<<8 | uint64(c)
	}
	return v, n, nil
}

// walk reads the elements between from and to; it stops at the first cluster,
// and once duration and tracks are known.
func (m *mkvReader) walk(from, to int64, depth int) error {
	for at := from; at < to; {
		if m.elements++; m.elements > mkvElements || depth > 4 {
			return errHeader
		}
		id, n, err := m.vint(at, true)
		if err != nil {
			return err
		}
		size, k, err := m.vint(at+n, false)
		if err != nil {
			return err
		}
		body := at + n + k
		end := to
		if size != 1<<(7*k)-1 { // all ones: not known, to the end
			if size > uint64(to-body) {
				if id != mkvSegment {
					return errShort
				}
				size = uint64(to - body)
			}
			end = body + int64(size)
		}
		if id == mkvCluster || depth == 1 && m.units > 0 && len(m.codecs) > 0 {
			return nil
		}
		if err := m.element(id, body, end, depth); err != nil {
			return err
		}
		at = end
	}
	return nil
}

func (m *mkvReader) element(id uint64, body, end int64, depth int) error {
	switch id {
	case mkvSegment, mkvInfo, mkvTrackList, mkvVideo:
		return m.walk(body, end, depth+1)
	case mkvEntry:
		m.codec, m.private = "", nil
		if len(m.codecs) >= mkvTracks {
			return nil
		}
		err := m.walk(body, end, depth+1)
		if c := mkvCodec(m.codec, m.private); c != "" {
			m.codecs = append(m.codecs, c)
		}
		return err
	case mkvScale, mkvDuration, mkvCodecID, mkvPrivate, mkvWidth, mkvHeight:
		data := make([]byte, min(end-body, mkvMaxData))
		if err := readFull(m.r, data, body); err != nil {
			return err
		}
		m.value(id, data)
	}
	return nil
}

func (m *mkvReader) value(id uint64, data []byte) {
	switch id {
	case mkvScale:
		if v := unsigned(data); v > 0 {
			m.scale = float64(v)
		}
	case mkvDuration:
		switch len(data) {
		case 4:
			m.units = float64(math.Float32frombits(binary.BigEndian.Uint32(data)))
		case 8:
			m.units = math.Float64frombits(binary.BigEndian.Uint64(data))
		}
	case mkvCodecID:
		m.codec = strings.TrimRight(string(data), "\x00")
	case mkvPrivate:
		m.private = data
	case mkvWidth:
		if v := unsigned(data); m.h.Width == 0 && v < 1<<15 {
			m.h.Width = int(v)
		}
	case mkvHeight:
		if v := unsigned(data); m.h.Height == 0 && v < 1<<15 {
			m.h.Height = int(v)
		}
	}
}

func unsigned(b []byte) (v uint64) {
	if len(b) > 8 {
		return 0
	}
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

func mkvCodec(id string, private []byte) string {
	switch {
	case id == "V_MPEG4/ISO/AVC":
		return avcString("avc1", private)
	case id == "V_MPEGH/ISO/HEVC":
		return hevcString("hvc1", private)
	case id == "V_VP8":
		return "vp8"
	case id == "V_VP9":
		return "vp09.00.10.08"
	case id == "V_AV1":
		return av1String(private)
	case strings.HasPrefix(id, "A_AAC"):
		return "mp4a.40.2"
	case id == "A_OPUS":
		return "opus"
	case id == "A_VORBIS":
		return "vorbis"
	case id == "A_FLAC":
		return "flac"
	case id == "A_MPEG/L3":
		return "mp3"
	case id == "A_AC3":
		return "ac-3"
	case id == "A_EAC3":
		return "ec-3"
	case strings.HasPrefix(id, "A_DTS"):
		return "dtsc"
	}
	return ""
}
