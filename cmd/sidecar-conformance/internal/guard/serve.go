package guard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Guardian is the other end of a Guard.
type Guardian struct {
	// Run undoes one thing. It is called again after an error, until Limit is over.
	Run func(ctx context.Context, u Undo) error
	// Log is told what is undone and what could not be, a line each.
	Log io.Writer
	// Limit bounds the time for each thing, Pause is that between two attempts.
	Limit, Pause time.Duration
}

// NewGuardian returns the guardian of the program.
func NewGuardian(log io.Writer) *Guardian {
	return &Guardian{Run: run, Log: log, Limit: 5 * time.Minute, Pause: 2 * time.Second}
}

// Serve reads until the end, then undoes what is not done: the newest first, but clusters before namespaces, many of which have
// gone then.
func (g *Guardian) Serve(ctx context.Context, in io.Reader) error {
	left := unfinished(in)
	var problems []error
	for _, clusters := range []bool{true, false} {
		for i := len(left) - 1; i >= 0; i-- {
			if u := left[i]; (u.Cluster != nil) == clusters {
				problems = append(problems, g.undo(ctx, u))
			}
		}
	}
	return errors.Join(problems...)
}

// unfinished reads what is to be undone, the oldest first. Half a line is the last that a killed process wrote: what it was about
// had not begun.
func unfinished(in io.Reader) []Undo {
	var order []int
	undos := map[int]Undo{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var m message
		if json.Unmarshal(line, &m) != nil {
			continue
		}
		if m.Undo == nil {
			delete(undos, m.ID)
			continue
		}
		undos[m.ID] = *m.Undo
		order = append(order, m.ID)
	}
	var left []Undo
	for _, id := range order {
		if u, open := undos[id]; open {
			left = append(left, u)
		}
	}
	return left
}

func (g *Guardian) undo(ctx context.Context, u Undo) error {
	fmt.Fprintf(g.Log, "the program has ended before its time; taking away %s\n", u)
	ctx, cancel := context.WithTimeout(ctx, g.Limit)
	defer cancel()
	for {
		err := g.Run(ctx, u)
		if err == nil {
			fmt.Fprintf(g.Log, "%s is gone\n", u)
			return nil
		}
		select {
		case <-ctx.Done():
			err = fmt.Errorf("taking away %s: %w", u, err)
			fmt.Fprintf(g.Log, "error: %v\n", err)
			return err
		case <-time.After(g.Pause):
		}
	}
}
