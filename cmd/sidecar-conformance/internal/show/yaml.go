package show

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// YAML writes the JSON form as YAML: one line for each event and status.
func YAML(t *trace.Trace) (string, error) {
	text, err := t.AppendJSONLine(nil)
	if err != nil {
		return "", err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	y := yamlWriter{decoder: decoder}
	if err := y.document(); err != nil {
		return "", fmt.Errorf("writing YAML: %w", err)
	}
	return y.String(), nil
}

// yamlWriter turns a stream of JSON tokens into YAML: the outermost object and the lists in it in block style, what is
// in those in flow style.
type yamlWriter struct {
	strings.Builder
	decoder *json.Decoder
}

func (y *yamlWriter) document() error {
	if _, err := y.decoder.Token(); err != nil {
		return err
	}
	for y.decoder.More() {
		key, err := y.decoder.Token()
		if err != nil {
			return err
		}
		y.WriteString(key.(string) + ":")
		token, err := y.decoder.Token()
		if err != nil {
			return err
		}
		if token == json.Delim('[') {
			err = y.blockList()
		} else {
			y.WriteByte(' ')
			err = y.flow(token)
			y.WriteByte('\n')
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (y *yamlWriter) blockList() error {
	y.WriteByte('\n')
	for y.decoder.More() {
		token, err := y.decoder.Token()
		if err != nil {
			return err
		}
		y.WriteString("- ")
		if err := y.flow(token); err != nil {
			return err
		}
		y.WriteByte('\n')
	}
	_, err := y.decoder.Token()
	return err
}

func (y *yamlWriter) flow(token json.Token) error {
	switch token := token.(type) {
	case json.Delim:
		return y.collection(token)
	case string:
		y.WriteString(yamlString(token))
	default:
		fmt.Fprint(&y.Builder, token)
	}
	return nil
}

func (y *yamlWriter) collection(open json.Delim) error {
	y.WriteString(open.String())
	for i := 0; y.decoder.More(); i++ {
		if i > 0 {
			y.WriteString(", ")
		}
		token, err := y.decoder.Token()
		if err != nil {
			return err
		}
		if open == '{' {
			y.WriteString(token.(string) + ": ")
			if token, err = y.decoder.Token(); err != nil {
				return err
			}
		}
		if err := y.flow(token); err != nil {
			return err
		}
	}
	closing, err := y.decoder.Token()
	if err != nil {
		return err
	}
	y.WriteString(closing.(json.Delim).String())
	return nil
}

// yamlString quotes what YAML would read as something else than this string.
func yamlString(s string) string {
	if yamlPlain(s) {
		return s
	}
	quoted, _ := json.Marshal(s)
	return string(quoted)
}

func yamlPlain(s string) bool {
	switch strings.ToLower(s) {
	case "", "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return false
	}
	number := true // digits, a point and at its end an s: a length of time
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		inside := i > 0 && i < len(s)-1 && (c == '-' || c == '.' || c == '/' || c == ' ' || c == '+')
		if !letter && !digit && !inside {
			return false
		}
		number = number && (digit || c == '.' || c == 's' && i == len(s)-1)
	}
	first := s[0]
	return first >= 'A' && first <= 'Z' || first >= 'a' && first <= 'z' || number && strings.HasSuffix(s, "s")
}
