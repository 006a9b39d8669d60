package apiserver

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// stream is the body of a watch: it hands out events and waits on the server's
// condition for more, which counts as durably blocked inside a bubble.
type stream struct {
	server   *Server
	resource string
	delay    time.Duration // between an event and the word of it
	next     int           // index into the server's events
	pending  []byte
	closed   bool
}

// watch answers a watch request. Nothing but pods and jobs changes after the start.
func (s *Server) watch(r *http.Request, resource string, delay time.Duration) (*http.Response, error) {
	kind, ok := kinds[resource]
	if !ok {
		return fail(r, http.StatusNotFound, "NotFound", "resource "+resource+" is not served")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &stream{server: s, resource: resource, delay: delay, next: len(s.events)}
	if query := r.URL.Query(); query.Get("sendInitialEvents") == "true" {
		switch resource {
		case "nodes":
			w.pending = append(w.pending, watchEvent("ADDED", s.node)...)
		case "pods":
			for _, key := range sortedKeys(s.pods) {
				w.pending = append(w.pending, watchEvent("ADDED", s.pods[key])...)
			}
		case "jobs":
			for _, key := range sortedKeys(s.jobs) {
				w.pending = append(w.pending, watchEvent("ADDED", s.jobs[key])...)
			}
		}
		w.pending = append(w.pending, watchEvent("BOOKMARK", map[string]any{
			"apiVersion": groupVersion(r), "kind": kind,
			"metadata": map[string]any{
				"resourceVersion": strconv.FormatInt(s.version, 10),
				"annotations":     map[string]string{"k8s.io/initial-events-end": "true"},
			},
		})...)
	} else if since, err := strconv.ParseInt(query.Get("resourceVersion"), 10, 64); err == nil {
		w.next = slices.IndexFunc(s.events, func(e event) bool { return e.version > since })
		if w.next < 0 {
			w.next = len(s.events)
		}
	}
	context.AfterFunc(r.Context(), func() { w.Close() })
	return response(r, http.StatusOK, w), nil
}

// Read waits for the next event.
func (w *stream) Read(p []byte) (int, error) {
	s := w.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(w.pending) == 0 {
		if w.closed {
			return 0, io.EOF
		}
		for w.next < len(s.events) && s.events[w.next].resource != w.resource {
			w.next++
		}
		if w.next < len(s.events) {
			e := &s.events[w.next]
			if left := w.delay - time.Since(e.at); left <= 0 {
				w.pending = e.text
				w.next++
				break
			} else {
				time.AfterFunc(left, s.wake)
			}
		}
		s.changed.Wait()
	}
	n := copy(p, w.pending)
	w.pending = w.pending[n:]
	return n, nil
}

// wake lets the watches look at the time.
func (s *Server) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

// Close ends the watch.
func (w *stream) Close() error {
	s := w.server
	s.mu.Lock()
	defer s.mu.Unlock()
	w.closed = true
	s.changed.Broadcast()
	return nil
}

func watchEvent(kind string, object any) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "object": object})
	if err != nil {
		panic(err) // our own objects always encode
	}
	return append(text, '\n')
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
