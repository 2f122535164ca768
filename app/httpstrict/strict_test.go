package httpstrict

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// split cuts raw request bytes as a server does before it asks us.
func split(raw string) (head, method, uri, protocol string, ok bool) {
	line, rest, ok := strings.Cut(raw, "\r\n")
	if !ok {
		return "", "", "", "", false
	}
	parts := strings.Split(line, " ")
	if len(parts) != 3 {
		return "", "", "", "", false
	}
	if i := strings.Index("\r\n"+rest, "\r\n\r\n"); i >= 0 {
		rest = rest[:min(i+2, len(rest))]
	}
	return rest, parts[0], parts[1], parts[2], true
}

func TestA51_AmbiguousRequestsAreRefused(t *testing.T) {
	for name, head := range map[string]string{
		"length and chunked":        "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"chunked and length":        "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
		"two lengths":               "Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
		"two equal lengths":         "Host: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
		"length list":               "Host: a\r\nContent-Length: 5, 5\r\n",
		"signed length":             "Host: a\r\nContent-Length: +5\r\n",
		"hex length":                "Host: a\r\nContent-Length: 0x5\r\n",
		"empty length":              "Host: a\r\nContent-Length:\r\n",
		"negative length":           "Host: a\r\nContent-Length: -1\r\n",
		"huge length":               "Host: a\r\nContent-Length: 99999999999999999999\r\n",
		"chunked, identity":         "Host: a\r\nTransfer-Encoding: chunked, identity\r\n",
		"identity":                  "Host: a\r\nTransfer-Encoding: identity\r\n",
		"twice chunked":             "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"xchunked":                  "Host: a\r\nTransfer-Encoding: xchunked\r\n",
		"chunked with vertical tab": "Host: a\r\nTransfer-Encoding: \x0bchunked\r\n",
		"folded":                    "Host: a\r\nX: 1\r\n 2\r\n",
		"folded with tab":           "Host: a\r\nX: 1\r\n\t2\r\n",
		"first line folded":         " Host: a\r\n",
		"space in name":             "Host: a\r\nX Y: 1\r\n",
		"space before colon":        "Host: a\r\nTransfer-Encoding : chunked\r\n",
		"no colon":                  "Host: a\r\nX\r\n",
		"empty name":                "Host: a\r\n: x\r\n",
		"name with control":         "Host: a\r\nX\x01: 1\r\n",
		"name beyond ascii":         "Host: a\r\nX\xe9: 1\r\n",
		"bare line feed":            "Host: a\r\nX: 1\nY: 2\r\n",
		"only line feeds":           "Host: a\n",
		"bare carriage return":      "Host: a\r\nX: 1\rY: 2\r\n",
		"nul":                       "Host: a\r\nX: a\x00b\r\n",
		"delete":                    "Host: a\r\nX: a\x7fb\r\n",
		"no host":                   "X: 1\r\n",
		"two hosts":                 "Host: a\r\nHost: b\r\n",
		"two equal hosts":           "Host: a\r\nhost: a\r\n",
		"host list":                 "Host: a, b\r\n",
		"host with user":            "Host: x@a\r\n",
		"host with path":            "Host: a/b\r\n",
		"empty host":                "Host:\r\n",
		"host with bad port":        "Host: a:99999\r\n",
		"bytes after the end":       "Host: a\r\n\r\nGET / HTTP/1.1\r\n",
		"no end of line":            "Host: a",
		"too many":                  "Host: a\r\n" + strings.Repeat("X: 1\r\n", MaxHeaders+1),
		"too long":                  "Host: a\r\nX: " + strings.Repeat("x", MaxHeaderBytes) + "\r\n",
	} {
		if err := CheckHeader([]byte(head), "GET", "/", "HTTP/1.1"); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	for name, c := range map[string][3]string{
		"HTTP/9.9":            {"GET", "/", "HTTP/9.9"},
		"HTTP/2.0":            {"GET", "/", "HTTP/2.0"},
		"lower case protocol": {"GET", "/", "http/1.1"},
		"method":              {"G ET", "/", "HTTP/1.1"},
		"no method":           {"", "/", "HTTP/1.1"},
		"CONNECT":             {"CONNECT", "a:80", "HTTP/1.1"},
		"other host":          {"GET", "http://b/", "HTTP/1.1"},
		"other port":          {"GET", "http://a:81/", "HTTP/1.1"},
		"user":                {"GET", "http://x@a/", "HTTP/1.1"},
		"other scheme":        {"GET", "ftp://a/", "HTTP/1.1"},
		"star":                {"GET", "*", "HTTP/1.1"},
		"relative":            {"GET", "a", "HTTP/1.1"},
		"empty":               {"GET", "", "HTTP/1.1"},
		"fragment":            {"GET", "/a#b", "HTTP/1.1"},
		"space":               {"GET", "/a b", "HTTP/1.1"},
		"nul":                 {"GET", "/a\x00", "HTTP/1.1"},
		"encoded nul":         {"GET", "/a%00", "HTTP/1.1"},
		"backslash":           {"GET", "/a\\b", "HTTP/1.1"},
		"encoded backslash":   {"GET", "/a%5cb", "HTTP/1.1"},
		"encoded slash":       {"GET", "/a%2Fb", "HTTP/1.1"},
		"encoded dot":         {"GET", "/%2e%2e/x", "HTTP/1.1"},
		"twice encoded slash": {"GET", "/a%252fb", "HTTP/1.1"},
		"twice encoded dot":   {"GET", "/%252e%252e/x", "HTTP/1.1"},
		"split twice encoded": {"GET", "/%25%32%65", "HTTP/1.1"},
		"encoded line feed":   {"GET", "/a%0ab", "HTTP/1.1"},
		"broken escape":       {"GET", "/a%zz", "HTTP/1.1"},
		"cut escape":          {"GET", "/a%2", "HTTP/1.1"},
		"broken and encoded":  {"GET", "/%25%252e", "HTTP/1.1"},
	} {
		if err := CheckHeader([]byte("Host: a\r\n"), c[0], c[1], c[2]); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	if err := CheckHeader([]byte("Host: a\r\nTransfer-Encoding: chunked\r\n"), "POST", "/", "HTTP/1.0"); err == nil {
		t.Error("chunked in HTTP/1.0 was accepted")
	}
}

func TestUsualRequestsPass(t *testing.T) {
	for _, c := range []struct{ head, method, uri, protocol string }{
		{"Host: a\r\n\r\n", "GET", "/", "HTTP/1.1"},
		{"Host: a.example:8080\r\nAccept: */*\r\nX-Empty:\r\nCookie: a=b; c=\"d e\"\r\n", "GET", "/r/1?x=%2F%2e&y=\\", "HTTP/1.1"},
		{"host: [::1]:8080\r\nContent-Length: 5\r\n", "POST", "/api/v1/rooms", "HTTP/1.1"},
		{"Host: a\r\nTransfer-Encoding: Chunked\r\nX: caf\xc3\xa9\r\n", "PATCH", "/%E7%94%B5%E5%BD%B1", "HTTP/1.1"},
		{"", "GET", "/health/live", "HTTP/1.0"},
		{"Host: A\r\n", "GET", "http://a/x", "HTTP/1.1"},
		{"Host: a\r\n", "OPTIONS", "*", "HTTP/1.1"},
		{"Host: a\r\n", "GET", "/media/AbC-_/~seg1.ts", "HTTP/1.1"},
		{"Host: a\r\n", "GET", "/100%25", "HTTP/1.1"},
		{"Host: my_nas.local\r\n", "GET", "/", "HTTP/1.1"},
	} {
		if err := CheckHeader([]byte(c.head), c.method, c.uri, c.protocol); err != nil {
			t.Errorf("%s %s %q: %v", c.method, c.uri, c.head, err)
		}
	}
}

func TestCheckHost(t *testing.T) {
	for _, c := range []struct {
		host    string
		allowed []string
		ok      bool
	}{
		{"anything", nil, true},
		{"watch.example", []string{"watch.example"}, true},
		{"WATCH.example.:8080", []string{"watch.example"}, true},
		{"watch.example:8080", []string{"watch.example:8080"}, true},
		{"watch.example:81", []string{"watch.example:8080"}, false},
		{"evil.example", []string{"watch.example"}, false},
		{"[::1]:8080", []string{"[::1]"}, true},
	} {
		if err := CheckHost(c.host, c.allowed); (err == nil) != c.ok {
			t.Errorf("%s in %v = %v, want %v", c.host, c.allowed, err, c.ok)
		}
	}
}

func FuzzHTTPStrict(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%2e HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n", "GET //b HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		head, method, uri, protocol, ok := split(raw)
		if !ok || CheckHeader([]byte(head), method, uri, protocol) != nil {
			return
		}
		if !strings.HasSuffix(head, "\r\n") && head != "" {
			t.Fatalf("accepted a head without end: %q", head)
		}
		text := method + " " + uri + " " + protocol + "\r\n" + strings.TrimSuffix(head, "\r\n\r\n")
		text = strings.TrimSuffix(text, "\r\n") + "\r\n\r\n"
		rq, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Fatalf("accepted what net/http refuses: %q: %v", text, err)
		}
		lengths, chunked, hosts := 0, 0, 0
		for l := range strings.SplitSeq(head, "\r\n") {
			switch name, _, _ := strings.Cut(strings.ToLower(l), ":"); name {
			case "content-length":
				lengths++
			case "transfer-encoding":
				chunked++
			case "host":
				hosts++
			}
		}
		if lengths+chunked > 1 || hosts > 1 || chunked == 1 && (len(rq.TransferEncoding) != 1 || rq.ContentLength != -1) {
			t.Fatalf("read as %v %v: %q", rq.TransferEncoding, rq.ContentLength, text)
		}
	})
}

type inner struct {
	Name string `json:"name"`
}

type body struct {
	Role  string           `json:"role"`
	List  []inner          `json:"list"`
	Map   map[string]inner `json:"map"`
	Ptr   *inner           `json:"ptr"`
	Raw   json.RawMessage  `json:"raw"`
	When  time.Time        `json:"when"`
	N     int              `json:"n"`
	inner                  // embedded, not exported: its exported fields count
	Plain bool
}

func nest(open, shut string, n int) string { return strings.Repeat(open, n) + strings.Repeat(shut, n) }

func TestA54_JSONThatIsRefused(t *testing.T) {
	many := "{"
	for i := range MaxKeys + 1 {
		many += fmt.Sprintf(`"k%d":0,`, i)
	}
	many = strings.TrimSuffix(many, ",") + "}"
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"empty":               {"", ErrJSON},
		"blank":               {" ", ErrJSON},
		"duplicate":           {`{"a":1,"a":2}`, ErrJSON},
		"duplicate escaped":   {`{"a":1,"\u0061":2}`, ErrJSON},
		"duplicate inside":    {`[{"x":{"a":1,"a":2}}]`, ErrJSON},
		"trailing":            {`{} {}`, ErrJSON},
		"trailing comma":      {`[1,]`, ErrJSON},
		"trailing nul":        {"{}\x00", ErrJSON},
		"byte order mark":     {"\xef\xbb\xbf{}", ErrJSON},
		"invalid utf-8":       {"\"\xff\"", ErrJSON},
		"overlong":            {"\"\xc0\x80\"", ErrJSON},
		"surrogate bytes":     {"\"\xed\xa0\x80\"", ErrJSON},
		"lone high":           {`"\ud800"`, ErrValue},
		"lone low":            {`"\udc00"`, ErrValue},
		"two high":            {`"\ud800\ud800"`, ErrValue},
		"nul escape":          {`"\u0000"`, ErrValue},
		"nul in key":          {`{"a\u0000":1}`, ErrValue},
		"control":             {"\"a\nb\"", ErrJSON},
		"huge number":         {"1e400", ErrValue},
		"huge integer":        {"99999999999999999999", ErrValue},
		"long number":         {"0." + strings.Repeat("1", 100), ErrValue},
		"leading zero":        {"01", ErrJSON},
		"plus":                {"+1", ErrJSON},
		"dot":                 {"1.", ErrJSON},
		"NaN":                 {"NaN", ErrJSON},
		"hex":                 {"0x1", ErrJSON},
		"single quotes":       {"{'a':1}", ErrJSON},
		"comment":             {"{}//", ErrJSON},
		"unfinished":          {`{"a":`, ErrJSON},
		"unfinished string":   {`"a`, ErrJSON},
		"unfinished escape":   {`"\u00`, ErrJSON},
		"unknown escape":      {`"\x41"`, ErrJSON},
		"deep":                {nest("[", "]", MaxDepth+1), ErrJSON},
		"ten thousand deep":   {nest("[", "]", 10_000), ErrJSON},
		"a million open":      {strings.Repeat("[", 1_000_000), ErrJSON},
		"deep objects":        {strings.Repeat(`{"a":`, 10_000), ErrJSON},
		"too many keys":       {many, ErrJSON},
		"word":                {"nul", ErrJSON},
		"two values in array": {"[1 2]", ErrJSON},
		"number as key":       {`{1:2}`, ErrJSON},
		"missing colon":       {`{"a" 1}`, ErrJSON},
	} {
		start := time.Now()
		err := CheckJSON([]byte(c.text))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if err != nil && strings.Contains(err.Error(), "k10000") {
			t.Errorf("%s: the error repeats the input", name)
		}
	}
}

func TestJSONThatPasses(t *testing.T) {
	for _, s := range []string{
		"{}", "[]", " null ", "true", "false", "0", "-0", "-1.5e+10", "9223372036854775807", `"\ud83d\ude00 \n\/é😀"`, `{"a":{"a":1},"b":[{"a":1},{"a":2}]}`, nest("[", "]", MaxDepth),
	} {
		if err := CheckJSON([]byte(s)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestA54_FieldNamesAreExact(t *testing.T) {
	for _, bad := range []string{
		`{"Role":"root"}`, `{"role":"user","ROLE":"root"}`, `{"list":[{"Name":"x"}]}`, `{"map":{"Any":{"NAME":"x"}}}`, `{"ptr":{"nAme":"x"}}`,
		`{"Name":"x"}`, `{"plain":true}`, `{"ro\u017fe":1,"li\u017ft":[]}`,
	} {
		var b body
		if err := Unmarshal([]byte(bad), &b); err == nil && bad != `{"ro\u017fe":1}` {
			t.Errorf("%s became %+v", bad, b)
		}
	}
	var b body
	good := `{"role":"user","list":[{"name":"a"}],"map":{"Any":{"name":"b"},"any":{"name":"c"}},"ptr":{"name":"d"},"raw":{"Role":1},"when":"2024-01-01T00:00:00Z","n":3,"name":"e","Plain":true,"unknown":{"X":1}}`
	if err := Unmarshal([]byte(good), &b); err != nil {
		t.Fatal(err)
	}
	if b.Role != "user" || b.List[0].Name != "a" || len(b.Map) != 2 || b.Ptr.Name != "d" || b.N != 3 || b.Name != "e" || !b.Plain {
		t.Errorf("decoded = %+v", b)
	}
	var v any
	if err := Unmarshal([]byte(good), &v); err != nil || v.(map[string]any)["role"] != "user" {
		t.Errorf("any = %v, %v", v, err)
	}
	if err := Unmarshal([]byte(`{"n":"x"}`), &b); !errors.Is(err, ErrValue) {
		t.Errorf("wrong type = %v, want ErrValue", err)
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `[1,2.5,-3e4]`, `{"a":"b","c":[true,false,null]}`, `{"a":1,"a":2}`, `"\ud800"`, `"\u0000"`, `{"Role":1,"role":2}`, nest("[", "]", 40), "1e400", "\xff", `"\ud83d\ude00"`,
		`{"type":"playback.seek","data":{"position":1.5}}`, `{"list":[{"name":"x"}]}`, " \t\n{}", `{"":""}`, `-`, `"\`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if CheckJSON(data) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted what is not JSON: %q", data)
		}
		var v any
		if err := Unmarshal(data, &v); err != nil {
			t.Fatalf("accepted but not decoded: %q: %v", data, err)
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("decoded but not encoded: %q: %v", data, err)
		}
		if bytes.Contains(again, []byte("\uFFFD")) && !bytes.Contains(data, []byte("\uFFFD")) && !bytes.Contains(bytes.ToLower(data), []byte("fffd")) {
			t.Fatalf("replaced silently: %q became %q", data, again)
		}
		var w any
		if err := Unmarshal(again, &w); err != nil {
			t.Fatalf("not stable: %q: %v", again, err)
		}
		var b body
		_ = Unmarshal(data, &b)
	})
}

func BenchmarkCheckJSON(b *testing.B) {
	data := []byte(`{"items":[` + strings.TrimSuffix(strings.Repeat(`{"provider":"direct","source":{"url":"https://example.org/a.mp4"},"name":"A film"},`, 100), ",") + `]}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckJSON(data); err != nil {
			b.Fatal(err)
		}
	}
}
