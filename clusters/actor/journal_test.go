package actor

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

func TestParseJournal(t *testing.T) {
	code := int32(3)
	at := time.Date(2025, 2, 3, 4, 5, 6, 7, time.UTC)
	e := Entry{At: at, Mono: 12, Container: "proxy", Run: 1, What: script.Exit, PID: 1, ExitCode: &code}
	line := string(e.Line())
	text := line + // 1
		"2025-02-03T04:05:06.7Z stdout F " + line + // 2
		"\n" + // 3
		"2025-02-03T04:05:06.7Z stderr F actor: trouble\n" + // 4
		"2025-02-03T04:05:06.7Z stdout P {\"at\":\n" + // 5
		"hello\n" + // 6
		"{}\n" + // 7
		strings.Replace(line, `"exit"`, `"danced"`, 1) + // 8
		strings.Replace(line, `"mono":12`, `"mono":0`, 1) + // 9
		line[:20] // 10
	entries, err := ParseJournal(strings.NewReader(text))
	if len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	for _, got := range entries {
		if !got.At.Equal(at) || got.Container != "proxy" || *got.ExitCode != 3 {
			t.Errorf("read %+v", got)
		}
	}
	var unread *UnreadLines
	if !errors.As(err, &unread) || unread.Count != 7 || len(unread.First) != 7 {
		t.Fatalf("the error is %v", err)
	}
	for i, want := range []string{"invalid character", "part of a line", "no JSON object", "who did what", `does not write "danced"`, "no time", "unexpected end"} {
		if got := unread.First[i]; !strings.Contains(got.Why, want) || got.Number != []int{4, 5, 6, 7, 8, 9, 10}[i] {
			t.Errorf("line %d: %s; want %q", got.Number, got.Why, want)
		}
	}
	if want := `7 lines are no entries of a journal; the first is line 4, "2025-02-03T04:05:06.7Z stderr F actor: trouble": invalid character`; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the error is %v", err)
	}
}

func TestParseJournalReportsTheReader(t *testing.T) {
	broken := errors.New("the connection is gone")
	_, err := ParseJournal(iotest.ErrReader(broken))
	if !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	if entries, err := ParseJournal(strings.NewReader("")); len(entries) != 0 || err != nil {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestLinesAreShort keeps a line below what a pipe takes whole, whatever is noted.
func TestLinesAreShort(t *testing.T) {
	const pipeBuf = 4096
	e := Entry{At: time.Now(), Mono: 1, Container: strings.Repeat("c", 63), What: script.Problem, Note: strings.Repeat("\x01", 5000)}
	if line := e.Line(); len(line) >= pipeBuf {
		t.Errorf("a line has %d bytes", len(line))
	}
}
