package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// value is one key's value as it was found: text from flags, the environment
// and the defaults, a tree of any type from the file.
type value struct {
	key    string
	raw    any
	origin string
	commas bool // a text stands for a list with commas
}

// String is the value as a person would write it.
func (v value) String() string {
	switch raw := v.raw.(type) {
	case nil:
		return ""
	case string:
		return raw
	case []any, []string, map[string]any:
		if list, err := v.list(); err == nil {
			return strings.Join(list, ", ")
		}
	}
	return fmt.Sprint(v.raw)
}

// text is the value of a key that holds text. A number in the file is taken as
// it is written; dates, switches and trees are not text.
func (v value) text() (string, error) {
	switch raw := v.raw.(type) {
	case string:
		return raw, nil
	case int:
		return strconv.Itoa(raw), nil
	}
	return "", errors.New("must be a text; put it in quotes")
}

func (v value) boolean() (bool, error) {
	switch raw := v.raw.(type) {
	case bool:
		return raw, nil
	case string:
		switch strings.ToLower(raw) {
		case "true", "on", "yes", "1":
			return true, nil
		case "false", "off", "no", "0":
			return false, nil
		}
	}
	return false, errors.New("must be true or false")
}

func (v value) integer() (int64, error) {
	switch raw := v.raw.(type) {
	case int:
		return int64(raw), nil
	case int64:
		return raw, nil
	case float64: // JSON knows no other numbers
		if n := int64(raw); float64(n) == raw && n > -1<<53 && n < 1<<53 {
			return n, nil
		}
	case string:
		if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, errors.New("must be a whole number")
}

// list is the value of a key that holds several texts. One text alone in the
// file or in a flag is a list of one.
func (v value) list() ([]string, error) {
	var items []string
	switch raw := v.raw.(type) {
	case string:
		items = []string{raw}
		if v.commas {
			items = strings.Split(raw, ",")
		}
	case []string:
		items = raw
	case []any:
		for _, item := range raw {
			text, err := value{raw: item}.text()
			if err != nil {
				return nil, errors.New("must be a list of texts; put each in quotes")
			}
			items = append(items, text)
		}
	default:
		return nil, errors.New("must be a list")
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out, nil
}

// json is the value of a site setting, as the settings table keeps it.
func (v value) json(kind Kind) (json.RawMessage, error) {
	var out any
	var err error
	switch kind {
	case Bool:
		out, err = v.boolean()
	case Int:
		out, err = v.integer()
	case List:
		out, err = v.list()
	case Duration:
		var text string
		if text, err = v.text(); err == nil {
			if _, err = time.ParseDuration(text); err != nil {
				err = errors.New("must be a duration with its unit, like 90s, 15m or 720h")
			}
		}
		out = text
	case JSON:
		out = v.raw
		if text, ok := v.raw.(string); ok {
			if !json.Valid([]byte(text)) {
				return nil, errors.New("must be JSON")
			}
			return json.RawMessage(text), nil
		}
	case Text:
		out, err = v.text()
	default:
		err = fmt.Errorf("has the unknown kind %q", kind)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	return text, nil
}
