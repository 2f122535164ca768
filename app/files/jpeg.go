package files

import (
	"encoding/binary"
	"image"
)

const (
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerSOF2 = 0xc2 // progressive
	markerAPP1 = 0xe1
	markerTEM  = 0x01
	markerRST0 = 0xd0
	markerRST7 = 0xd7
)

// segments calls f with each marker of a jpeg and its payload. It takes linear
// time for any bytes, and stops when f says so.
func segments(data []byte, f func(marker byte, payload []byte) bool) {
	for i := 0; i+1 < len(data); {
		marker := data[i+1]
		if data[i] != 0xff || marker == 0 || marker == 0xff { // entropy coded data, or filling
			i++
			continue
		}
		i += 2
		if marker == markerSOI || marker == markerEOI || marker == markerTEM || marker >= markerRST0 && marker <= markerRST7 {
			continue
		}
		if i+2 > len(data) {
			return
		}
		size := int(binary.BigEndian.Uint16(data[i:]))
		end := min(i+max(size, 2), len(data))
		if !f(marker, data[i+2:max(end, i+2)]) {
			return
		}
		i = end
	}
}

// scanJPEG tells whether a jpeg is progressive and how many scans it has.
func scanJPEG(data []byte) (progressive bool, scans int) {
	segments(data, func(marker byte, _ []byte) bool {
		switch marker {
		case markerSOF2:
			progressive = true
		case markerSOS:
			scans++
		}
		return true
	})
	return progressive, scans
}

// transform is an EXIF orientation, 1 to 8.
type transform int

const upright transform = 1

// orientation is how a camera says its picture has to be turned; phones write
// sideways pictures and rely on it. Anything odd means upright.
func orientation(data []byte) transform {
	found := upright
	segments(data, func(marker byte, payload []byte) bool {
		if marker == markerAPP1 && len(payload) > 6 && string(payload[:6]) == "Exif\x00\x00" {
			if o := exifOrientation(payload[6:]); o >= 1 && o <= 8 {
				found = o
			}
			return false
		}
		return marker != markerSOS // what follows is the picture
	})
	return found
}

// exifOrientation reads tag 0x0112 of the first directory of a TIFF header.
func exifOrientation(tiff []byte) transform {
	if len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(tiff[:2]) {
	case "II":
	case "MM":
		order = binary.BigEndian
	default:
		return 0
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 0
	}
	entries := uint64(order.Uint16(tiff[at:]))
	for i := range entries {
		entry := at + 2 + i*12
		if entry+12 > uint64(len(tiff)) {
			return 0
		}
		if order.Uint16(tiff[entry:]) == 0x0112 {
			return transform(order.Uint16(tiff[entry+8:]))
		}
	}
	return 0
}

// apply returns the image turned upright.
func (t transform) apply(src *image.RGBA) *image.RGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	var from func(x, y int) (int, int) // where a pixel of the result comes from
	switch t {
	case 2:
		from = func(x, y int) (int, int) { return w - 1 - x, y }
	case 3:
		from = func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }
	case 4:
		from = func(x, y int) (int, int) { return x, h - 1 - y }
	case 5:
		from = func(x, y int) (int, int) { return y, x }
	case 6:
		from = func(x, y int) (int, int) { return y, h - 1 - x }
	case 7:
		from = func(x, y int) (int, int) { return w - 1 - y, h - 1 - x }
	case 8:
		from = func(x, y int) (int, int) { return w - 1 - y, x }
	default:
		return src
	}
	size := image.Rect(0, 0, w, h)
	if t >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(size)
	for y := range size.Dy() {
		for x := range size.Dx() {
			sx, sy := from(x, y)
			copy(out.Pix[out.PixOffset(x, y):][:4], src.Pix[src.PixOffset(sx, sy):][:4])
		}
	}
	return out
}
