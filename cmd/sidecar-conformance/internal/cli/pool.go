package cli

import (
	"context"
	"iter"
)

// ordered does work on the values of in with several workers, and hands the results to out in the order of the values.
// Only a bounded number of values is under way at any time, so memory does not grow with the input. It stops at the
// first error of out, or when ctx ends.
func ordered[T, R any](ctx context.Context, in iter.Seq[T], workers int, work func(T) R, out func(R) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type slot struct {
		value T
		done  chan R
	}
	queue, order := make(chan slot, 4*workers), make(chan chan R, 4*workers)
	go func() {
		defer close(queue)
		defer close(order)
		for value := range in {
			s := slot{value, make(chan R, 1)}
			select {
			case order <- s.done:
			case <-ctx.Done():
				return
			}
			queue <- s // the workers empty it always
		}
	}()
	for range workers {
		go func() {
			for s := range queue {
				s.done <- work(s.value)
			}
		}()
	}
	for done := range order {
		select {
		case result := <-done:
			if err := out(result); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// peek reads ahead until more than n values for which counts holds have come. It returns an iterator over all values,
// the read ones included, how many of them counted, and whether they were more than n.
func peek[T any](in iter.Seq[T], n int, counts func(T) bool) (all iter.Seq[T], counted int, stop func()) {
	next, stop := iter.Pull(in)
	var head []T
	for counted <= n {
		value, ok := next()
		if !ok {
			break
		}
		head = append(head, value)
		if counts(value) {
			counted++
		}
	}
	return func(yield func(T) bool) {
		for _, value := range head {
			if !yield(value) {
				return
			}
		}
		head = nil
		for {
			value, ok := next()
			if !ok || !yield(value) {
				return
			}
		}
	}, counted, stop
}
