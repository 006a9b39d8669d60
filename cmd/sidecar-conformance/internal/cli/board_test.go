package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

// TestBoardLines prints one line for each case that comes to its end, with what is left.
func TestBoardLines(t *testing.T) {
	var out bytes.Buffer
	b := newBoard(Streams{Err: &out}, true)
	for _, p := range []runner.Progress{
		{Target: "1.29.15", State: runner.Step, Text: "getting the cluster ready", Left: -1},
		{Target: "1.29.15", Scenario: "a/b", State: runner.Playing, Done: 0, All: 2, Left: -1},
		{Target: "1.29.15", Scenario: "a/b", State: runner.Played, Text: "the API server has gone", Done: 1, All: 2, Left: 90 * time.Second},
		{Target: "1.29.15", Scenario: "a/b", State: runner.Judged, Result: report.Diverges, Done: 2, All: 2, Left: 0},
	} {
		b.take(p)
	}
	b.end()
	want := []string{"1.29.15  getting the cluster ready", "1.29.15  1/2 a/b played: the API server has gone, 1m30s left", "1.29.15  2/2 a/b diverges"}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("printed %q", lines)
	}
	for i := range want {
		if _, text, _ := strings.Cut(lines[i], "s  "); text != want[i] {
			t.Errorf("printed %q, want %q", text, want[i])
		}
	}
}

// TestBoardOnTerminal writes the line of each target over itself, no wider than the terminal, and the last news at the end.
func TestBoardOnTerminal(t *testing.T) {
	var out bytes.Buffer
	b := newBoard(Streams{Err: &out, ErrTerminal: true, ErrWidth: 40}, true)
	b.take(runner.Progress{Target: "1.29.15", Scenario: "family/a-scenario-with-a-long-name", State: runner.Playing, Done: 3, All: 9, Left: time.Minute})
	b.take(runner.Progress{Target: "1.30.14", Scenario: "a/b", State: runner.Judged, Done: 9, All: 9}) // too soon to be drawn
	b.end()
	want := "\r\x1b[K1.29.15  3/9  1m0s left  family/a-scena\n\x1b[1A\r\x1b[K1.29.15  3/9  1m0s left  family/a-scena\n\r\x1b[K1.30.14  9/9  a/b conforms\n"
	if out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}
