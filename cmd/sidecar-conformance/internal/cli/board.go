package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

// board shows on standard error how far a run is: on a terminal one line for each target that is written over again, elsewhere one
// line for each case that comes to its end.
type board struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	width    int
	// lines says whether lines are printed where there is no terminal.
	lines bool
	began time.Time
	rows  []boardRow
	drawn int // rows on the screen
	at    time.Time
}

// boardRow is one target.
type boardRow struct{ target, text string }

// boardEvery is the least time between two drawings.
const boardEvery = 100 * time.Millisecond

func newBoard(s Streams, lines bool) *board {
	b := &board{out: s.Err, terminal: s.ErrTerminal, width: s.ErrWidth, lines: lines, began: time.Now()}
	if b.width <= 0 {
		b.width = 80
	}
	return b
}

// take is told what happened in the run.
func (b *board) take(p runner.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal {
		b.row(p.Target, boardText(p))
		b.draw(false)
		return
	}
	if text := lineText(p); b.lines && text != "" {
		fmt.Fprintf(b.out, "%4.0fs  %s  %s\n", time.Since(b.began).Seconds(), p.Target, text)
	}
}

// cluster returns what is told how far the clusters of plans are.
func (b *board) cluster(plans []*clusters.Plan) func(clusters.Progress) {
	return func(p clusters.Progress) {
		i := slices.IndexFunc(plans, func(plan *clusters.Plan) bool { return plan.Name == p.Cluster })
		if i < 0 || p.State == clusters.Done {
			return
		}
		text := p.Step
		switch p.State {
		case clusters.Failed:
			text = "failed: " + text
		case clusters.Warning:
			text = "warning: " + text
		}
		b.take(runner.Progress{Target: plans[i].Target.String(), State: runner.Step, Text: text})
	}
}

// boardText is the line of a target.
func boardText(p runner.Progress) string {
	if p.State == runner.Step {
		return p.Text
	}
	text := fmt.Sprintf("%d/%d", p.Done, p.All)
	if p.Left >= 0 && p.Done < p.All {
		text += fmt.Sprintf("  %s left", p.Left.Round(time.Second))
	}
	what := p.State.String()
	if p.State == runner.Judged {
		what = p.Result.String()
	}
	return fmt.Sprintf("%s  %s %s", text, p.Scenario, what)
}

// lineText is the line of a case that came to its end, empty for what is on its way.
func lineText(p runner.Progress) string {
	text := ""
	switch p.State {
	case runner.Step:
		return p.Text
	case runner.Playing:
		return ""
	case runner.Played:
		text = fmt.Sprintf("%d/%d %s played", p.Done, p.All, p.Scenario)
		if p.Text != "" {
			text += ": " + p.Text
		}
	case runner.Judged:
		text = fmt.Sprintf("%d/%d %s %s", p.Done, p.All, p.Scenario, p.Result)
	}
	if p.Left >= 0 && p.Done < p.All {
		text += fmt.Sprintf(", %s left", p.Left.Round(time.Second))
	}
	return text
}

func (b *board) row(target, text string) {
	text = strings.ReplaceAll(text, "\n", " ")
	i := slices.IndexFunc(b.rows, func(r boardRow) bool { return r.target == target })
	if i < 0 {
		b.rows = append(b.rows, boardRow{target, text})
		return
	}
	b.rows[i].text = text
}

// draw writes all rows over those on the screen, not too often unless it is the last time.
func (b *board) draw(last bool) {
	if now := time.Now(); last || now.Sub(b.at) >= boardEvery {
		b.at = now
	} else {
		return
	}
	var text strings.Builder
	if b.drawn > 0 {
		fmt.Fprintf(&text, "\x1b[%dA", b.drawn)
	}
	widest := 0
	for _, r := range b.rows {
		widest = max(widest, len(r.target))
	}
	for _, r := range b.rows {
		line := []rune(fmt.Sprintf("%-*s  %s", widest, r.target, r.text))
		fmt.Fprintf(&text, "\r\x1b[K%s\n", string(line[:min(len(line), b.width-1)]))
	}
	b.drawn = len(b.rows)
	io.WriteString(b.out, text.String())
}

// end draws for the last time.
func (b *board) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.terminal && len(b.rows) > 0 {
		b.draw(true)
	}
}
