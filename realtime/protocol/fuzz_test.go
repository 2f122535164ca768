package protocol

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzWSEnvelope: whatever comes in, a message is refused or means the same
// after it was encoded and decoded again.
func FuzzWSEnvelope(f *testing.F) {
	for _, p := range incoming {
		f.Add([]byte(p))
	}
	for _, p := range []string{
		`{}`, `[]`, `null`, `{"type":"hello","data":null}`, `{"type":"clock.ping","data":{"t0":-0}}`,
		`{"type":"clock.ping","data":{"t0":1e15}}`, `{"type":"playback.command","data":{"do":"select","target":{}}}`,
		`{"type":"playback.command","data":{"do":"select","media_id":"\u00e9"}}`, `{"type":"hello","data":{"caps":["a","b"]}}`,
		`{"type":"hello","data":{"resume":{"epoch":18446744073709551615,"seq":0}}}`, `{"type":"\u0068ello"}`,
		`{"type":"playback.report","data":{"state":"playing","stalls":-9223372036854775808}}`, `{"type":"sync.get","data":{"version":1.0}}`,
		`{"type":"playback.command","data":{"do":"select","target":null}}`,
	} {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		cmd, err := Decode(p)
		if err != nil {
			if cmd != nil {
				t.Fatal("a message and an error")
			}
			return
		}
		if !utf8.Valid(p) || !json.Valid(p) {
			t.Fatalf("taken: %q", p)
		}
		data, err := json.Marshal(cmd)
		if err != nil {
			t.Fatal(err)
		}
		var outer struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(p, &outer); err != nil {
			t.Fatal(err)
		}
		again, err := Decode(append(append([]byte(`{"type":"`+outer.Type+`","data":`), data...), '}'))
		if err != nil {
			t.Fatalf("%s came back as %s: %v", p, data, err)
		}
		if b, _ := json.Marshal(again); !bytes.Equal(b, data) {
			t.Fatalf("%s became %s", data, b)
		}
	})
}

// FuzzStrict: what the scanner takes is JSON for encoding/json too, an object,
// and has the fields that encoding/json finds.
func FuzzStrict(f *testing.F) {
	for _, p := range incoming {
		f.Add([]byte(p))
	}
	for _, p := range []string{
		`{"a":1,"a":2}`, `{"a":{"b":[1,2,{"c":"\ud83d\ude00"}]}}`, `{"\u0061":1,"a":2}`, `{"a":"\ud800"}`, `{"a":1e5}`, `{"a":-0.0E-1}`,
		`{"a":00}`, `{"a":tru}`, `{"":""}`, `{"a":"\x"}`, `{"a":"` + "\u2028" + `"}`, "{\"a\":\"\t\"}", `{"a":"\`, `{"a":"\u12`, `{"a":[}`, `{"a":[1,]}`,
	} {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		fields, err := scan(p, nil)
		if err != nil {
			return
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(p, &m); err != nil {
			t.Fatalf("taken, but: %v in %q", err, p)
		}
		if len(m) != len(fields) {
			t.Fatalf("%d fields, encoding/json finds %d in %q", len(fields), len(m), p)
		}
		for _, field := range fields {
			if v, ok := m[string(field.name)]; !ok || !bytes.Equal(v, field.value) {
				t.Fatalf("%q is %q, encoding/json says %q", field.name, field.value, v)
			}
		}
	})
}
