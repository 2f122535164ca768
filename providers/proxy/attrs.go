package proxy

import (
	"strings"

	"synctv/providers"
)

// attribute is one NAME=value of a tag.
type attribute struct {
	name, value string
	quoted      bool
}

// String writes it back.
func (a attribute) String() string {
	if a.quoted {
		return a.name + `="` + a.value + `"`
	}
	return a.name + "=" + a.value
}

// parseAttrs reads an attribute list; a comma inside quotes belongs to the
// value. False when it is none.
func parseAttrs(s string) ([]attribute, bool) {
	var out []attribute
	for s = strings.TrimSpace(s); s != ""; {
		name, rest, ok := strings.Cut(s, "=")
		name = strings.TrimSpace(name)
		if !ok || !attrName(name) {
			return nil, false
		}
		a := attribute{name: name}
		rest = strings.TrimLeft(rest, " \t")
		if quoted, ok := strings.CutPrefix(rest, `"`); ok {
			a.quoted = true
			if a.value, rest, ok = strings.Cut(quoted, `"`); !ok {
				return nil, false
			}
			rest = strings.TrimSpace(rest)
			if rest != "" && rest[0] != ',' {
				return nil, false
			}
			s = strings.TrimPrefix(rest, ",")
		} else {
			a.value, s, _ = strings.Cut(rest, ",")
			a.value = strings.TrimSpace(a.value)
			if strings.Contains(a.value, `"`) {
				return nil, false
			}
		}
		out = append(out, a)
		s = strings.TrimSpace(s)
	}
	return out, len(out) > 0
}

func attrName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// define keeps a variable of the playlist. IMPORT would need the playlist that
// named this one.
func (r *rewriter) define(value string) error {
	attrs, ok := parseAttrs(value)
	if !ok {
		return &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist holds a broken definition"}
	}
	var name, val string
	for _, a := range attrs {
		switch a.name {
		case "NAME":
			name = a.value
		case "VALUE":
			val = a.value
		case "QUERYPARAM":
			name = a.value
			if r.base != nil {
				val = r.base.Query().Get(a.value)
			}
		case "IMPORT":
			return &providers.Error{Class: providers.ClassUnsupported, Reason: "the playlist takes values from another playlist"}
		}
	}
	val, err := r.substitute(val)
	if strings.ContainsFunc(val, breaksLine) || strings.Contains(val, `"`) {
		val = ""
	}
	r.vars[name] = val
	return err
}

// substitute puts variables in.
func (r *rewriter) substitute(s string) (string, error) {
	if !strings.Contains(s, "{$") {
		return s, nil
	}
	bad := &providers.Error{Class: providers.ClassBadUpstream, Reason: "the playlist uses a value it does not define"}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "{$")
		b.WriteString(before)
		if !ok {
			break
		}
		name, after, ok := strings.Cut(rest, "}")
		val, known := r.vars[name]
		if !ok || !known || b.Len()+len(val) > maxVariable {
			return "", bad
		}
		b.WriteString(val)
		s = after
	}
	return b.String(), nil
}
