package providers

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"time"
)

// MediaHeader is what the head of a file says about it. Zero fields are unknown.
type MediaHeader struct {
	Duration      time.Duration
	Width, Height int
	Codecs        string // RFC 6381, comma-separated
	IndexAtEnd    bool   // mp4: the index comes after the media
	NextBox       int64  // mp4: where reading stopped for want of bytes, 0 = nowhere
}

var (
	errHeader = errors.New("unreadable media header")
	errShort  = errors.New("header lies beyond what can be read")
)

// maxDuration is the longest duration that is believed: files lie.
const maxDuration = 1e7 * float64(time.Second)

func seconds(units, scale float64) time.Duration {
	d := units / scale * float64(time.Second)
	if math.IsNaN(d) || d < 0 || d > maxDuration {
		return 0
	}
	return time.Duration(d)
}

// ReadHeader reads the head of a file of a known container. It reads a few
// hundred small pieces at most. What was found before an error is valid.
func ReadHeader(container string, r io.ReaderAt, size int64) (MediaHeader, error) {
	switch container {
	case "mp4", "mov", "m4a":
		return readMP4(r, size)
	case "mkv", "webm":
		return readMKV(r, size)
	case "flv":
		return readFLV(r)
	case "flac":
		return readFLAC(r)
	case "wav":
		return readWAV(r, size)
	}
	return MediaHeader{}, nil
}

// readFull reads exactly len(b) bytes at off.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}

// readFLV finds the number "duration" of onMetaData, the first tag of nearly
// every file.
func readFLV(r io.ReaderAt) (h MediaHeader, err error) {
	b := make([]byte, SniffBytes)
	n, _ := r.ReadAt(b, 0)
	if f, ok := amfNumber(string(b[:n]), "duration"); ok {
		h.Duration = seconds(f, 1)
	}
	w, okW := amfNumber(string(b[:n]), "width")
	ht, okH := amfNumber(string(b[:n]), "height")
	if okW && okH && w > 0 && ht > 0 && w < 1<<15 && ht < 1<<15 {
		h.Width, h.Height = int(w), int(ht)
	}
	return h, nil
}

func amfNumber(b, name string) (float64, bool) {
	_, after, ok := strings.Cut(b, string([]byte{0, byte(len(name))})+name+"\x00")
	if !ok || len(after) < 8 {
		return 0, false
	}
	return math.Float64frombits(binary.BigEndian.Uint64([]byte(after[:8]))), true
}

func readFLAC(r io.ReaderAt) (h MediaHeader, err error) {
	var b [26]byte // magic, block header, STREAMINFO up to the sample count
	if err := readFull(r, b[:], 0); err != nil {
		return h, err
	}
	packed := binary.BigEndian.Uint64(b[18:26])
	rate, samples := packed>>44, packed&(1<<36-1)
	if rate == 0 || string(b[:4]) != "fLaC" {
		return h, errHeader
	}
	h.Duration, h.Codecs = seconds(float64(samples), float64(rate)), "flac"
	return h, nil
}

func readWAV(r io.ReaderAt, size int64) (h MediaHeader, err error) {
	var b [36]byte
	if err := readFull(r, b[:], 0); err != nil {
		return h, err
	}
	rate := binary.LittleEndian.Uint32(b[28:32]) // bytes a second
	if string(b[:4]) != "RIFF" || string(b[12:16]) != "fmt " || rate == 0 || size < 44 {
		return h, errHeader
	}
	h.Duration = seconds(float64(size-44), float64(rate))
	return h, nil
}
