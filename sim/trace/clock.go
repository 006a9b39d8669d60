package trace

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	neverWord     = "never"
	unboundedWord = "unbounded"
)

// String returns the instant in seconds with as many decimals as it needs, such as "12.02s".
func (i Instant) String() string { return string(appendInstant(nil, i)) }

// ParseInstant reads what Instant.String writes. It is exact to the nanosecond and refuses negative instants.
func ParseInstant(text string) (Instant, error) {
	if text == neverWord {
		return Never, nil
	}
	d, err := parseSeconds(text)
	if err != nil {
		return 0, err
	}
	if d < 0 {
		return 0, fmt.Errorf("instant %q is negative", text)
	}
	return Instant(d), nil
}

func appendInstant(dst []byte, i Instant) []byte {
	if i == Never {
		return append(dst, neverWord...)
	}
	return appendSeconds(dst, int64(i))
}

func appendDuration(dst []byte, d time.Duration) []byte {
	if d == Unbounded {
		return append(dst, unboundedWord...)
	}
	return appendSeconds(dst, int64(d))
}

func parseDuration(text string) (time.Duration, error) {
	if text == unboundedWord {
		return Unbounded, nil
	}
	return parseSeconds(text)
}

// appendSeconds writes nanoseconds as seconds: "0s", "12.02s", "-0.5s".
func appendSeconds(dst []byte, nanoseconds int64) []byte {
	magnitude := uint64(nanoseconds)
	if nanoseconds < 0 {
		dst = append(dst, '-')
		magnitude = -magnitude
	}
	dst = strconv.AppendUint(dst, magnitude/1e9, 10)
	if fraction := magnitude % 1e9; fraction != 0 {
		dst = append(dst, '.')
		for scale := uint64(1e8); fraction != 0; scale /= 10 {
			dst = append(dst, byte('0'+fraction/scale))
			fraction %= scale
		}
	}
	return append(dst, 's')
}

// parseSeconds reads what appendSeconds writes. It knows no other unit, so that a length has one spelling only.
func parseSeconds(text string) (time.Duration, error) {
	bad := func() (time.Duration, error) {
		return 0, fmt.Errorf("%q is not a number of seconds such as 12.02s", text)
	}
	number, ok := strings.CutSuffix(text, "s")
	if !ok {
		return bad()
	}
	number, negative := strings.CutPrefix(number, "-")
	whole, fraction, point := strings.Cut(number, ".")
	if !digits(whole) || point && (!digits(fraction) || len(fraction) > 9) {
		return bad()
	}
	nanoseconds, err := strconv.ParseUint(whole+(fraction + "000000000")[:9], 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is too long: at most 292 years can be told", text)
	}
	if negative {
		return -time.Duration(nanoseconds), nil
	}
	return time.Duration(nanoseconds), nil
}

func digits(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
