package cli

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"
)

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func TestOrderedKeepsOrder(t *testing.T) {
	want := 0
	err := ordered(context.Background(), numbers(1000), 4,
		func(i int) int { time.Sleep(time.Duration(i%7) * 10 * time.Microsecond); return i },
		func(i int) error {
			if i != want {
				t.Fatalf("got %d, want %d", i, want)
			}
			want++
			return nil
		})
	if err != nil || want != 1000 {
		t.Errorf("%d results, error %v", want, err)
	}
}

func TestOrderedIsBounded(t *testing.T) {
	var under, most atomic.Int64
	in := func(yield func(int) bool) {
		for i := range 500 {
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			if !yield(i) {
				return
			}
		}
	}
	err := ordered(context.Background(), in, 2, func(i int) int { return i }, func(int) error {
		time.Sleep(20 * time.Microsecond)
		under.Add(-1)
		return nil
	})
	if err != nil || most.Load() > 40 {
		t.Errorf("%d values under way at once, error %v", most.Load(), err)
	}
}

func TestOrderedStops(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := ordered(context.Background(), numbers(1<<30), 2, func(i int) int { return i }, func(int) error { return broken }); err != broken {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := ordered(ctx, numbers(1<<30), 2, func(i int) int { return i }, func(i int) error {
		if i == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPeek(t *testing.T) {
	for _, n := range []int{0, 3, 4, 5, 9} {
		all, counted, stop := peek(numbers(n), 4, func(int) bool { return true })
		if want := min(n, 5); counted != want {
			t.Errorf("%d values: counted %d, want %d", n, counted, want)
		}
		i := 0
		for value := range all {
			if value != i {
				t.Errorf("%d values: got %d, want %d", n, value, i)
			}
			i++
		}
		if i != n {
			t.Errorf("%d values: %d came", n, i)
		}
		stop()
	}
}
