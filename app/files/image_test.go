package files

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// gradient is a picture whose pixels all differ a little.
func gradient(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 255 / w), uint8(y * 255 / h), 90, 255})
		}
	}
	return img
}

func encoded(t testing.TB, kind string, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&out, img)
	case "jpeg":
		err = jpeg.Encode(&out, img, nil)
	case "gif":
		frame := image.NewPaletted(img.Bounds(), palette.Plan9)
		for y := range frame.Rect.Dy() {
			for x := range frame.Rect.Dx() {
				frame.Set(x, y, img.At(x, y))
			}
		}
		second := image.NewPaletted(img.Bounds(), palette.Plan9)
		err = gif.EncodeAll(&out, &gif.GIF{Image: []*image.Paletted{frame, second}, Delay: []int{10, 10}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// webpLossless is a 2×2 picture: red, green, blue, and half transparent black.
const webpLossless = "UklGRjQAAABXRUJQVlA4TCcAAAAvAUAAEB8gEEjaH3oNAUGR/6MJCIr8H01AUHTdcsEvjYQbMET0PwQA"

func webp2x2(t testing.TB) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(webpLossless)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pngPromise is a png that says how large it is and then ends.
func pngPromise(w, h uint32, depth, colour byte) []byte {
	head := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	head = binary.BigEndian.AppendUint32(head, h)
	head = append(head, depth, colour, 0, 0, 0)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), 13)
	out = append(out, head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

// jpegPromise is a jpeg of that size with as many empty scans.
func jpegPromise(w, h uint16, progressive bool, scans int) []byte {
	sof := byte(0xc0)
	if progressive {
		sof = markerSOF2
	}
	out := []byte{0xff, markerSOI, 0xff, sof, 0, 11, 8}
	out = binary.BigEndian.AppendUint16(out, h)
	out = binary.BigEndian.AppendUint16(out, w)
	out = append(out, 1, 1, 0x11, 0)
	for range scans {
		out = append(out, 0xff, markerSOS, 0, 8, 1, 1, 0, 0, 0, 0)
	}
	return append(out, 0xff, markerEOI)
}

func TestPicturesOfEveryFormatAreReencoded(t *testing.T) {
	for _, kind := range []string{"png", "jpeg", "gif"} {
		p, err := reencode(encoded(t, kind, gradient(300, 200)), 150)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		img, name, err := image.Decode(bytes.NewReader(p.data))
		if err != nil || name != "jpeg" || p.mime != "image/jpeg" {
			t.Fatalf("%s became %s (%s), %v", kind, name, p.mime, err)
		}
		if p.width != 150 || p.height != 100 || img.Bounds().Dx() != 150 || img.Bounds().Dy() != 100 {
			t.Errorf("%s: %d×%d, want 150×100", kind, p.width, p.height)
		}
		r, g, _, _ := img.At(140, 10).RGBA()
		if r>>8 < 200 || g>>8 > 60 {
			t.Errorf("%s: the upper right corner is %d, %d; want much red and little green", kind, r>>8, g>>8)
		}
	}
}

func TestTransparentPicturesStayTransparent(t *testing.T) {
	img := gradient(10, 10)
	img.SetNRGBA(0, 0, color.NRGBA{})
	for name, data := range map[string][]byte{"png": encoded(t, "png", img), "webp": webp2x2(t)} {
		p, err := reencode(data, 100)
		if err != nil || p.mime != "image/png" {
			t.Errorf("%s became %s, %v; want a png", name, p.mime, err)
		}
	}
}

func TestSidewaysPhotoIsTurnedUpright(t *testing.T) {
	data := encoded(t, "jpeg", gradient(40, 20))
	exif := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"), 0, 6, 0, 0, 0, 0, 0, 0)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, markerAPP1}, uint16(len(exif)+2))
	data = slices.Concat(data[:2], segment, exif, data[2:])
	p, err := reencode(data, 100)
	if err != nil {
		t.Fatal(err)
	}
	img, err := jpeg.Decode(bytes.NewReader(p.data))
	if err != nil {
		t.Fatal(err)
	}
	if p.width != 20 || p.height != 40 {
		t.Fatalf("%d×%d, want 20×40", p.width, p.height)
	}
	// Turned a quarter clockwise, the left edge (no red) is on top.
	top, _, _, _ := img.At(10, 1).RGBA()
	bottom, _, _, _ := img.At(10, 38).RGBA()
	if top>>8 > 60 || bottom>>8 < 190 {
		t.Errorf("red at the top %d, at the bottom %d", top>>8, bottom>>8)
	}
	if bytes.Contains(p.data, []byte("Exif")) {
		t.Error("metadata survived")
	}
}

func TestOrientationsAreThoseOfTheStandard(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 2, 3)) // numbered 1 to 6, row by row
	for i := range 6 {
		src.Pix[i*4] = byte(i + 1)
	}
	for turn, want := range map[transform][]byte{
		0: {1, 2, 3, 4, 5, 6}, 1: {1, 2, 3, 4, 5, 6}, 2: {2, 1, 4, 3, 6, 5}, 3: {6, 5, 4, 3, 2, 1}, 4: {5, 6, 3, 4, 1, 2},
		5: {1, 3, 5, 2, 4, 6}, 6: {5, 3, 1, 6, 4, 2}, 7: {6, 4, 2, 5, 3, 1}, 8: {2, 4, 6, 1, 3, 5},
	} {
		out := turn.apply(src)
		var got []byte
		for i := 0; i < len(out.Pix); i += 4 {
			got = append(got, out.Pix[i])
		}
		if !bytes.Equal(got, want) {
			t.Errorf("orientation %d gives %v, want %v", turn, got, want)
		}
	}
}

// A31: what a browser could run is refused, or rewritten until nothing of it
// is left.
func TestA31ActiveContentIsRefusedOrGone(t *testing.T) {
	for name, text := range map[string]string{
		"svg": `<svg xmlns="http://www.w3.org/2000/svg"><script>canary()</script></svg>`, "html": "<!doctype html><script>canary()</script>",
		"xml": `<?xml version="1.0"?><x/>`, "pdf": "%PDF-1.7 canary", "empty": "", "bmp": "BM" + strings.Repeat("x", 100), "ico": "\x00\x00\x01\x00",
		"svg behind a gif name": "GIF89a<svg onload=canary()>",
	} {
		if _, err := reencode([]byte(text), 100); !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	for _, kind := range []string{"png", "jpeg", "gif"} {
		data := append(encoded(t, kind, gradient(20, 20)), "/*<script>canary()</script>PK\x03\x04"...)
		p, err := reencode(data, 100)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if bytes.Contains(p.data, []byte("canary")) {
			t.Errorf("%s: what hid behind the picture survived", kind)
		}
	}
}

// A49: files that promise more than they should are refused by their header.
func TestA49BombsAreRefusedBeforeDecoding(t *testing.T) {
	gifScreen := []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;")
	webpCanvas := []byte("RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\x3f\x00\xff\x3f\x00")
	for name, data := range map[string][]byte{
		"png 65535²":                 pngPromise(65535, 65535, 8, 2),
		"png 2³¹-1 wide":             pngPromise(1<<31-1, 1, 8, 2),
		"png 41 megapixels":          pngPromise(1<<12, 41<<8, 8, 2),
		"png 17 megapixels, deep":    pngPromise(1<<12, 17<<8, 16, 6),
		"jpeg 65535²":                jpegPromise(65535, 65535, false, 1),
		"jpeg progressive, 20 Mpx":   jpegPromise(5000, 4200, true, 1),
		"jpeg with a thousand scans": jpegPromise(100, 100, true, 1000),
		"gif 65535²":                 gifScreen,
		"webp 16384²":                webpCanvas,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := reencode(data, 100)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes allocated in %v", name, used, time.Since(start))
		}
	}
	for name, data := range map[string][]byte{
		"truncated png":          encoded(t, "png", gradient(100, 100))[:200],
		"truncated jpeg":         encoded(t, "jpeg", gradient(100, 100))[:400],
		"png without a size":     pngPromise(0, 0, 8, 2),
		"jpeg of markers":        bytes.Repeat([]byte{0xff}, 1<<20),
		"webp, canvas 1, data 9": append([]byte("RIFF\x30\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), webp2x2(t)[12:]...),
	} {
		if _, err := reencode(data, 100); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
}

func FuzzImageHeader(f *testing.F) {
	for _, kind := range []string{"png", "jpeg", "gif"} {
		f.Add(encoded(f, kind, gradient(8, 6)))
	}
	f.Add(webp2x2(f))
	f.Add(pngPromise(65535, 65535, 8, 2))
	f.Add(jpegPromise(65535, 65535, true, 3))
	f.Add(jpegPromise(1, 1, true, 70))
	f.Add([]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;"))
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x10Exif\x00\x00II*\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if o := orientation(data); o < 1 || o > 8 {
			t.Errorf("orientation %d", o)
		}
		format, err := header(data)
		if err != nil {
			return
		}
		c, err := format.config(data)
		if err != nil || int64(c.Width)*int64(c.Height) > maxPixels {
			t.Fatalf("%s of %d×%d passes, %v", format.name, c.Width, c.Height, err)
		}
		if int64(c.Width)*int64(c.Height) > 1<<20 {
			return // legal, but slow to decode a million times
		}
		p, err := reencode(data, 64)
		if err == nil && (p.width > 64 || p.height > 64 || p.width < 1 || p.height < 1 || len(p.data) == 0) {
			t.Errorf("a picture of %d×%d, %d bytes", p.width, p.height, len(p.data))
		}
	})
}

func BenchmarkReencode12Megapixels(b *testing.B) {
	data := encoded(b, "jpeg", gradient(4000, 3000))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := reencode(data, 1920); err != nil {
			b.Fatal(err)
		}
	}
}
