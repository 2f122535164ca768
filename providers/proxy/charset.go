package proxy

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	textunicode "golang.org/x/text/encoding/unicode"
)

// charsetSample is how much of a text is looked at to guess its encoding.
const charsetSample = 64 << 10

// commonHan are the characters that make up most of any Chinese text, in both
// scripts: a text decoded the wrong way consists of rare ones.
const commonHan = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日者意无力它与长把机十第公此已使情明性知全三又关点正外将两高间由问很最重物手应向头文体美相见被什二等或新己身果加西月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比解水名真处走各入几口认条平气题活更别打女变四神总何电数安少报才结反受目太再感做接必场件计管期市直命山金指许保至队形便空五眼书非则听白却界达光放强像难且权思完色路记南住告类求程北边死张该交万取拉望觉确传师观清今切让识候带争吗呢吧啊谢请" +
	"這個們來為國說時會對於著過發後裡種經麼學現當沒動還進樣開從實無與長機關點將兩間問應頭體見話內給門兒東聲處幾認條氣題別變總電數報結場計許隊書則聽卻達強難權記類邊張該萬覺確傳師觀讓識帶爭嗎謝請"

var legacy = []encoding.Encoding{
	simplifiedchinese.GB18030, traditionalchinese.Big5, japanese.ShiftJIS,
}

// toUTF8 decodes a subtitle: a byte order mark, else valid UTF-8, else UTF-16
// by its zeros, else whichever of GB18030, Big5, Shift-JIS and Windows-1252
// gives the most likely text. The result is valid UTF-8 without NUL.
func toUTF8(b []byte) []byte {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b = b[3:]
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		b = decode(textunicode.UTF16(textunicode.LittleEndian, textunicode.ExpectBOM), b)
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		b = decode(textunicode.UTF16(textunicode.BigEndian, textunicode.ExpectBOM), b)
	case wide(b) == 1:
		b = decode(textunicode.UTF16(textunicode.LittleEndian, textunicode.IgnoreBOM), b)
	case wide(b) == 2:
		b = decode(textunicode.UTF16(textunicode.BigEndian, textunicode.IgnoreBOM), b)
	case utf8.Valid(b):
	default:
		b = decode(guess(b), b)
	}
	b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	return bytes.ReplaceAll(b, []byte{0}, nil)
}

func decode(e encoding.Encoding, b []byte) []byte {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return b
	}
	return out
}

// wide says whether the text is UTF-16 without a mark: line ends and spaces
// put zeros on one side. 1 is little endian, 2 big endian, 0 neither.
func wide(b []byte) int {
	b = b[:min(len(b), charsetSample)&^1]
	var even, odd int
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] != 0 {
			even++
		}
		if b[i+1] == 0 && b[i] != 0 {
			odd++
		}
	}
	switch half := len(b) / 2; {
	case half < 2:
		return 0
	case odd*8 > half && even*16 < half:
		return 1
	case even*8 > half && odd*16 < half:
		return 2
	}
	return 0
}

func guess(b []byte) encoding.Encoding {
	sample := b[:min(len(b), charsetSample)]
	if i := bytes.LastIndexByte(sample, '\n'); i > 0 && len(sample) < len(b) { // no half character at the end
		sample = sample[:i]
	}
	common := map[rune]bool{}
	for _, r := range commonHan {
		common[r] = true
	}
	var best encoding.Encoding = charmap.Windows1252
	top := westernScore(sample)
	for _, e := range legacy {
		if s := score(decode(e, sample), common); s > top {
			best, top = e, s
		}
	}
	return best
}

// score is the mean likelihood of the characters beyond ASCII.
func score(text []byte, common map[rune]bool) float64 {
	var sum float64
	n := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if r < utf8.RuneSelf {
			continue
		}
		n++
		switch {
		case r == utf8.RuneError:
			sum -= 10
		case common[r]:
			sum += 4
		case unicode.In(r, unicode.Hiragana), r >= 0x30a1 && r <= 0x30fc:
			sum += 3
		case r >= 0x3000 && r <= 0x303f, r >= 0xff01 && r <= 0xff5e, r == 0x2026, r == 0x2014, r >= 0x2018 && r <= 0x201d:
			sum += 2
		case r >= 0x4e00 && r <= 0x9fff:
			sum += 0.3
		case r >= 0xe000 && r <= 0xf8ff:
			sum -= 6
		case r >= 0xff61 && r <= 0xff9f:
			sum -= 2
		default:
			sum--
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// westernScore likes single letters with an accent between ASCII ones.
func westernScore(b []byte) float64 {
	var sum float64
	n, run := 0, 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] >= 0x80 {
			run++
			n++
			if r := charmap.Windows1252.DecodeByte(b[i]); !unicode.IsLetter(r) && !unicode.IsPunct(r) {
				sum--
			}
			continue
		}
		switch {
		case run == 1:
			sum += 2
		case run == 2:
			sum++
		case run > 2:
			sum -= float64(run)
		}
		run = 0
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
