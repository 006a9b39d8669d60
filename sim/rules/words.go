package rules

import (
	"strconv"
	"strings"
	"time"
)

// length writes a duration for people: 1.25s, 29s, 10m.
func length(d time.Duration) string {
	if d%time.Second != 0 || d < time.Minute {
		return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + "s"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return strings.TrimSuffix(text, "h0m") + map[bool]string{true: "h", false: ""}[strings.HasSuffix(text, "h0m")]
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
