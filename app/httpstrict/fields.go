package httpstrict

import (
	"encoding/json"
	"reflect"
	"strings"
)

// field is one member name a struct takes.
type field struct {
	name string
	typ  reflect.Type
}

type fields []field

// find gives the type of an exact name; other means that only a name of
// another case is known, which encoding/json would take.
func (f fields) find(key string) (t reflect.Type, other bool) {
	for _, x := range f {
		if x.name == key {
			return x.typ, false
		}
		if strings.EqualFold(x.name, key) {
			other = true
		}
	}
	return nil, other
}

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// bare removes pointers; nil for types that read their own JSON.
func bare(t reflect.Type) reflect.Type {
	for t != nil {
		if reflect.PointerTo(t).Implements(unmarshaler) {
			return nil
		}
		if t.Kind() != reflect.Pointer {
			return t
		}
		t = t.Elem()
	}
	return nil
}

func elemOf(t reflect.Type) reflect.Type {
	if t = bare(t); t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		return t.Elem()
	}
	return nil
}

// membersOf gives the names of a struct, or the element type of a map.
func (s *scanner) membersOf(t reflect.Type) (fields, reflect.Type) {
	t = bare(t)
	switch {
	case t == nil:
		return nil, nil
	case t.Kind() == reflect.Map:
		return nil, t.Elem()
	case t.Kind() != reflect.Struct:
		return nil, nil
	}
	f, ok := s.fields[t]
	if !ok {
		f = collect(t, fields{}, MaxDepth)
		s.fields[t] = f
	}
	return f, nil
}

// collect reads the tags as encoding/json does; depth stops a struct that
// embeds a pointer to itself.
func collect(t reflect.Type, out fields, depth int) fields {
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		if sf.Anonymous && name == "" {
			if inner := bare(sf.Type); inner != nil && inner.Kind() == reflect.Struct && depth > 0 {
				out = collect(inner, out, depth-1)
				continue
			}
		}
		if !sf.IsExported() {
			continue
		}
		if name == "" {
			name = sf.Name
		}
		out = append(out, field{name: name, typ: sf.Type})
	}
	return out
}
