package observe

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// version is one version of a Pod, as it arrived.
type version struct {
	pod     *corev1.Pod
	arrived time.Time
	// deleted is true for the last one, which comes when the object is gone.
	deleted bool
}

// watcher follows a list of objects, version by version. A watch that ends is opened again where it was, which loses nothing
// as long as the API server remembers the versions since; if it does not, that is a gap.
type watcher struct {
	name string
	open func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error)
	// first returns the resource version to begin with.
	first func(ctx context.Context) (string, error)
	heard func(kind watch.EventType, object runtime.Object, arrived time.Time)

	mu   sync.Mutex
	at   string // the resource version that was heard last
	gaps []silence
	done chan struct{}
}

// start opens the watch and returns once the API server has taken it.
func (w *watcher) start(ctx context.Context) error {
	w.done = make(chan struct{})
	stream, err := w.reopen(ctx, true)
	if err != nil {
		return fmt.Errorf("watching %s: %w", w.name, err)
	}
	go w.run(ctx, stream)
	return nil
}

func (w *watcher) reopen(ctx context.Context, afresh bool) (watch.Interface, error) {
	if afresh {
		at, err := w.first(ctx)
		if err != nil {
			return nil, err
		}
		w.reached(at)
	}
	return w.open(ctx, metav1.ListOptions{ResourceVersion: w.position(), AllowWatchBookmarks: true})
}

func (w *watcher) run(ctx context.Context, stream watch.Interface) {
	defer close(w.done)
	for ctx.Err() == nil {
		why := w.drain(ctx, stream)
		stream.Stop()
		lost := time.Now()
		for afresh := why != ""; ctx.Err() == nil; {
			var err error
			if stream, err = w.reopen(ctx, afresh); err == nil {
				break
			}
			afresh, why = true, err.Error()
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		if why != "" && ctx.Err() == nil {
			w.mu.Lock()
			w.gaps = append(w.gaps, silence{lost, time.Now(), "the watch of " + w.name + " broke: " + why})
			w.mu.Unlock()
		}
	}
}

// drain takes what a watch brings until it ends. It returns why versions are lost, empty if none are.
func (w *watcher) drain(ctx context.Context, stream watch.Interface) string {
	for {
		select {
		case <-ctx.Done():
			return ""
		case e, ok := <-stream.ResultChan():
			now := time.Now()
			if !ok {
				return ""
			}
			if e.Type == watch.Error {
				if status, ok := e.Object.(*metav1.Status); ok {
					return status.Message
				}
				return "an error without a reason"
			}
			object, ok := e.Object.(metav1.Object)
			if !ok {
				return fmt.Sprintf("it brought a %T", e.Object)
			}
			if e.Type != watch.Bookmark {
				w.heard(e.Type, e.Object, now)
			}
			w.reached(object.GetResourceVersion())
		}
	}
}

func (w *watcher) reached(at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
}

func (w *watcher) position() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *watcher) silences() []silence {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]silence(nil), w.gaps...)
}
