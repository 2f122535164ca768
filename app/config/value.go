package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
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

// setting is the value of a site setting, as Config.Settings has it.
func (v value) setting() (string, error) {
	switch raw := v.raw.(type) {
	case string:
		return raw, nil
	case float64: // JSON knows no other numbers
		return strconv.FormatFloat(raw, 'f', -1, 64), nil
	case bool, int, int64:
		return fmt.Sprint(raw), nil
	case []any, map[string]any:
		if text, err := json.Marshal(raw); err == nil {
			return string(text), nil
		}
	}
	return "", errors.New("must be a text, a number, a switch, a list or a tree; put dates in quotes")
}
