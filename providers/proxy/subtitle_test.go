package proxy

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	textunicode "golang.org/x/text/encoding/unicode"

	"synctv/providers"
	"synctv/providers/providertest"
)

func TestToVTT(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{
			"subrip", "1\r\n00:00:01,500 --> 00:00:02,000\r\n{\\an8}Hello <i>you</i>\r\n& <font color=red>me</font>\r\n\r\n2\r\n00:00:03.000 --> 00:00:04.000 X1:0\r\n<- a > b\r\n",
			"WEBVTT\n\n00:00:01.500 --> 00:00:02.000\nHello <i>you</i>\n&amp; me\n\n00:00:03.000 --> 00:00:04.000\n&lt;- a &gt; b\n",
		},
		{
			"out of order, no empty line, junk", "junk\n2\n00:00:05,0 --> 00:00:06,0\nlater\n1\n00:00:01,0 --> 00:00:02,0\nfirst\n00:00:09,0 --> 00:00:08,0\nnever\n",
			"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nfirst\n\n00:00:05.000 --> 00:00:06.000\nlater\n",
		},
		{
			"ass", "[Script Info]\nTitle: x\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\nDialogue: 0,0:00:02.00,0:00:03.50,D,,0,0,0,,{\\pos(1,2)\\i1}Hi, you\\Nthere\\h!\nComment: 0,0:00:02.00,0:00:03.50,D,,0,0,0,,no\nDialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,{\\p1}m 0 0 l 1 1{\\p0}\n",
			"WEBVTT\n\n00:00:02.000 --> 00:00:03.500\nHi, you\nthere\u00a0!\n",
		},
		{"vtt stays", "\xef\xbb\xbfWEBVTT\r\n\r\n00:01.000 --> 00:02.000\r\n<v A>x\r\n", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>x\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ToVTT([]byte(c.in))
			if err != nil || string(got) != c.want {
				t.Errorf("got %q (%v)\nwant %q", got, err, c.want)
			}
		})
	}
	for _, bad := range []string{"", "hello", "<html>", "WEBVTTX", "\x00\x00\x00"} {
		if out, err := ToVTT([]byte(bad)); providers.ClassOf(err) != providers.ClassBadUpstream {
			t.Errorf("%q became %q, %v", bad, out, err)
		}
	}
	if _, err := ToVTT(bytes.Repeat([]byte("a"), maxSubtitle+1)); providers.ClassOf(err) != providers.ClassTooLarge {
		t.Errorf("large = %v", err)
	}
}

func TestCharsetsOfSubtitles(t *testing.T) {
	const (
		simplified  = "你好，我们现在就走吧。这是什么地方？我不知道他在说什么。"
		traditional = "你好，我們現在就走吧。這是什麼地方？我不知道他在說什麼。"
		kana        = "こんにちは、今日はいい天気ですね。どこへ行くのですか？"
		french      = "C'est déjà l'été, où est passé le garçon près de l'hôtel ?"
		german      = "Übrigens: schöne Grüße aus München, äußerst günstig."
	)
	for _, c := range []struct {
		name string
		enc  encoding.Encoding
		text string
	}{
		{"utf-8", encoding.Nop, simplified},
		{"utf-8 mark", textunicode.UTF8BOM, simplified},
		{"utf-16 le", textunicode.UTF16(textunicode.LittleEndian, textunicode.UseBOM), simplified},
		{"utf-16 be", textunicode.UTF16(textunicode.BigEndian, textunicode.UseBOM), traditional},
		{"utf-16 le without mark", textunicode.UTF16(textunicode.LittleEndian, textunicode.IgnoreBOM), french},
		{"utf-16 be without mark", textunicode.UTF16(textunicode.BigEndian, textunicode.IgnoreBOM), french},
		{"gb18030", simplifiedchinese.GB18030, simplified},
		{"gbk", simplifiedchinese.GBK, simplified},
		{"big5", traditionalchinese.Big5, traditional},
		{"shift-jis", japanese.ShiftJIS, kana},
		{"windows-1252 french", charmap.Windows1252, french},
		{"windows-1252 german", charmap.Windows1252, german},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := c.enc.NewEncoder().Bytes([]byte("1\n00:00:01,000 --> 00:00:02,000\n" + c.text + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ToVTT(raw)
			if err != nil || !strings.Contains(string(got), c.text) {
				t.Errorf("got %q (%v), want %q", got, err, c.text)
			}
		})
	}
}

func TestSubtitleOverTheWire(t *testing.T) {
	up := providertest.NewUpstream(t)
	ass := "[Script Info]\n[Events]\nDialogue: 0,0:00:02.00,0:00:03.50,D,,0,0,0,,Hi\n"
	p := newProxy(t, memFiles{"lib/a.ass": []byte(ass)}, up)
	srt := up.Put("/a.srt", "application/x-subrip", []byte("1\n00:00:01,0 --> 00:00:02,0\nHi\n"))
	res, body := get(t, p, ForSubtitle(providers.Subtitle{Up: providers.Upstream{URL: srt}}, "vtt"), Request{})
	if res.Header.Get("Content-Type") != vttType || !strings.Contains(string(body), "Hi") {
		t.Errorf("srt = %v %q", res.Header, body)
	}
	local := providers.Subtitle{Format: "ass", Up: providers.Upstream{Instance: "lib", Path: "a.ass"}}
	if res, body := get(t, p, ForSubtitle(local, "ass"), Request{}); res.Header.Get("Content-Type") != assType || string(body) != ass {
		t.Errorf("ass = %v %q", res.Header, body)
	}
	if res, body := get(t, p, ForSubtitle(local, "vtt"), Request{}); res.Header.Get("Content-Type") != vttType || !strings.HasPrefix(string(body), "WEBVTT") {
		t.Errorf("ass as vtt = %v %q", res.Header, body)
	}
	up.Set(providertest.Switches{Endless: true})
	if got := class(t, p, ForSubtitle(providers.Subtitle{Up: providers.Upstream{URL: srt}}, "vtt"), Request{}); got != providers.ClassTooLarge {
		t.Errorf("endless = %q", got)
	}
}

func FuzzSubtitle(f *testing.F) {
	for _, s := range []string{
		"1\n00:00:01,000 --> 00:00:02,000\na\n", "[Script Info]\n[Events]\nFormat: Start, End, Text\nDialogue: 0:00:01.00,0:00:02.00,{\\b1}a\\Nb\n",
		"WEBVTT\n\n00:01.000 --> 00:02.000\na\n", "\xff\xfe1\x00\n\x00", "00:00:01 --> 00:00:02\n-->\n", "{\\{\\{\\", "[events]\nDialogue: ,,,,,,,,,", "<<<<>>>>&&&",
		"99999999:00:00 --> 999999999:00:00\nx", "\xb5\xc4\xca\xc7", "1\r00:00:01,000 --> 00:00:02,000\rx\r",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		start := time.Now()
		out, err := ToVTT(raw)
		if took := time.Since(start); len(raw) < 64<<10 && took > 2*time.Second {
			t.Errorf("%d bytes took %v", len(raw), took)
		}
		if err != nil {
			return
		}
		if !utf8.Valid(out) || bytes.IndexByte(out, 0) >= 0 || !bytes.HasPrefix(out, []byte("WEBVTT")) || bytes.Contains(out, []byte("\r")) {
			t.Fatalf("not WebVTT: %q", out)
		}
		if isVTT(string(toUTF8(bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))))) {
			return // handed on as it is
		}
		last := time.Duration(-1)
		for block := range strings.SplitSeq(strings.TrimPrefix(string(out), "WEBVTT\n"), "\n\n") {
			block = strings.TrimPrefix(block, "\n")
			times, text, _ := strings.Cut(block, "\n")
			from, to, ok := arrow(times)
			if !ok || from < last || to <= from {
				t.Fatalf("cue %q after %v", times, last)
			}
			if strings.Contains(text, "-->") || strings.TrimSpace(text) == "" {
				t.Fatalf("cue text %q", text)
			}
			last = from
		}
	})
}
