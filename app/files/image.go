package files

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// Errors of Add about the bytes it was given.
var (
	ErrTooLarge = errors.New("the image is too large")
	ErrFormat   = errors.New("not a jpeg, png, webp or gif image")
	ErrBusy     = errors.New("too many images are being read")
)

const (
	maxPixels = 40 << 20 // the decode limit of domain.md 11
	// A pixel of these costs the decoder several times the memory: a progressive
	// jpeg keeps all coefficients (12 bytes), a deep png two bytes a channel.
	maxHeavyPixels = 16 << 20
	// Each scan of a progressive jpeg is another pass over all of it: 5 MiB of
	// empty scans kept one core busy for minutes. Encoders write about ten.
	maxScans    = 64
	jpegQuality = 85
)

// picture is an image as we keep it.
type picture struct {
	data          []byte
	mime          string
	width, height int64
}

// reencode decodes an image of any accepted format, turns it upright, shrinks
// it until it fits into a square of that side, and encodes it anew: what was
// hidden in the file (scripts, positions, other files) does not survive.
func reencode(data []byte, side int) (picture, error) {
	format, err := header(data)
	if err != nil {
		return picture{}, err
	}
	img, err := format.decode(data)
	if err != nil {
		return picture{}, fmt.Errorf("%w: it cannot be decoded", ErrFormat)
	}
	turn := upright
	if format.name == "jpeg" {
		turn = orientation(data)
	}
	small := shrink(img, side, turn)
	p := picture{mime: "image/jpeg", width: int64(small.Rect.Dx()), height: int64(small.Rect.Dy())}
	var out bytes.Buffer
	if small.Opaque() {
		err = jpeg.Encode(&out, small, &jpeg.Options{Quality: jpegQuality})
	} else {
		p.mime = "image/png"
		err = png.Encode(&out, small)
	}
	if err != nil {
		return picture{}, fmt.Errorf("encode the image: %w", err)
	}
	p.data = out.Bytes()
	return p, nil
}

// format is one kind of file that we read.
type format struct {
	name   string
	magic  func([]byte) bool
	config func([]byte) (image.Config, error)
	decode func([]byte) (image.Image, error)
}

func reading[T any](f func(*bytes.Reader) (T, error)) func([]byte) (T, error) {
	return func(data []byte) (T, error) { return f(bytes.NewReader(data)) }
}

// formats are told apart by their first bytes, whatever the sender calls them.
var formats = []format{
	{
		"jpeg", func(b []byte) bool { return bytes.HasPrefix(b, []byte("\xff\xd8\xff")) },
		reading(func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) }),
		reading(func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }),
	},
	{
		"png", func(b []byte) bool { return bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) },
		reading(func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) }),
		reading(func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }),
	},
	{
		"webp", func(b []byte) bool { return len(b) > 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP" },
		reading(func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) }),
		reading(func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) }),
	},
	{
		"gif", func(b []byte) bool {
			return bytes.HasPrefix(b, []byte("GIF87a")) || bytes.HasPrefix(b, []byte("GIF89a"))
		},
		reading(func(r *bytes.Reader) (image.Config, error) { return gif.DecodeConfig(r) }),
		reading(func(r *bytes.Reader) (image.Image, error) { return gif.Decode(r) }), // the first frame
	},
}

// header tells the format and refuses what would cost too much to decode,
// without decoding: a few hundred bytes can promise four gigapixels.
func header(data []byte) (format, error) {
	for _, f := range formats {
		if !f.magic(data) {
			continue
		}
		c, err := f.config(data)
		if err != nil || c.Width <= 0 || c.Height <= 0 {
			return format{}, fmt.Errorf("%w: its header is broken", ErrFormat)
		}
		limit := maxPixels
		if f.name == "jpeg" {
			progressive, scans := scanJPEG(data)
			if scans > maxScans {
				return format{}, fmt.Errorf("%w: it is written in more than %d passes", ErrTooLarge, maxScans)
			}
			if progressive {
				limit = maxHeavyPixels
			}
		} else if deep(c.ColorModel) {
			limit = maxHeavyPixels
		}
		if c.Width > limit/c.Height {
			return format{}, fmt.Errorf("%w: more than %d megapixels", ErrTooLarge, limit>>20)
		}
		return f, nil
	}
	return format{}, ErrFormat
}

func deep(m color.Model) bool {
	return m == color.RGBA64Model || m == color.NRGBA64Model || m == color.Gray16Model
}

// shrink draws the image upright on a new canvas of at most side × side.
func shrink(img image.Image, side int, turn transform) *image.RGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	if longest := max(w, h); longest > side {
		scale := float64(side) / float64(longest)
		w, h = max(1, int(math.Round(float64(w)*scale))), max(1, int(math.Round(float64(h)*scale)))
	}
	canvas := image.NewRGBA(image.Rect(0, 0, w, h))
	if w == b.Dx() && h == b.Dy() {
		draw.Copy(canvas, image.Point{}, img, b, draw.Src, nil)
	} else {
		draw.CatmullRom.Scale(canvas, canvas.Rect, img, b, draw.Src, nil)
	}
	return turn.apply(canvas)
}
