package trace

import (
	"strings"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	s := sample()
	golden(t, "sample.txt", s.AppendText(nil, TextOptions{}))
	golden(t, "sample.all.txt", s.AppendText(nil, TextOptions{All: true}))
	golden(t, "sample.80.txt", s.AppendText(nil, TextOptions{Numbers: true, Width: 80}))
	golden(t, "sample.120.txt", s.AppendText(nil, TextOptions{Numbers: true, Width: 120}))
}

func TestTextStaysWithinWidth(t *testing.T) {
	for width := 76; width < 160; width += 7 {
		for _, line := range strings.Split(sample().Text(TextOptions{Numbers: true, Width: width}), "\n") {
			if len(line) > width {
				t.Errorf("%d columns, not %d: %s", len(line), width, line)
			}
		}
	}
}

func TestShortDuration(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0s", 250: "250ns", time.Millisecond: "1ms", 2010 * time.Millisecond: "2.01s", 30 * time.Second: "30s",
		90 * time.Second: "1m30s", 5 * time.Minute: "5m", time.Hour: "1h", 61 * time.Minute: "1h1m", Unbounded: "unbounded",
		10 * time.Minute: "10m", -time.Second: "-1s",
	}
	for d, want := range tests {
		if got := ShortDuration(d); got != want {
			t.Errorf("%d: got %s, want %s", d, got, want)
		}
	}
}

func TestWordsExistForEveryKind(t *testing.T) {
	for _, k := range Kinds() {
		if kindWords[k] == "" {
			t.Errorf("%s has no words", k)
		}
	}
}
