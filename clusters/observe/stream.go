package observe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
)

// stream listens to containerd on one node: to every event, from before anything is applied. A stream that breaks is opened
// again, and what was not heard in between is a gap.
type stream struct {
	node  string
	nodes Nodes
	shell *shell
	heard func(node string, e runtimeEvent, who identity)

	mu   sync.Mutex
	who  map[string]identity
	gaps []silence
	pid  string
	seen map[string]chan struct{} // marks that were asked for
	// expected are the containers that were made and of which it is not yet known whose they are.
	expected map[string]runtimeEvent
	taskWait time.Duration
	open     bool
	// lines counts the events that were read.
	lines int
	done  chan struct{}
	// started is when the shell was opened.
	started time.Time
}

// silence is a span in which a source was not heard. An end that is zero is not there yet.
type silence struct {
	from, to time.Time
	why      string
}

// listen prints the events of containerd until its standard input ends: whoever listens may be killed, and nothing may stay
// behind on the node. The first line is the process's number.
const listen = `exec 3<&0; (cat <&3 >/dev/null; kill $$) >/dev/null 2>&1 & echo $$; exec ctr events`

// openStream returns once the node is heard.
func openStream(ctx context.Context, nodes Nodes, node string, heard func(string, runtimeEvent, identity)) (*stream, error) {
	s := &stream{node: node, nodes: nodes, heard: heard, who: map[string]identity{}, seen: map[string]chan struct{}{}, done: make(chan struct{}),
		started: time.Now(), expected: map[string]runtimeEvent{}, taskWait: taskWait}
	var err error
	if s.shell, err = openShell(ctx, nodes, node); err != nil {
		return nil, err
	}
	go s.run(ctx)
	if err := s.mark(ctx); err != nil {
		return nil, fmt.Errorf("listening to containerd on node %s: %w", node, err)
	}
	return s, nil
}

// run listens until the context ends.
func (s *stream) run(ctx context.Context) {
	defer close(s.done)
	for first := true; ctx.Err() == nil; first = false {
		err := s.once(ctx)
		if ctx.Err() != nil {
			return
		}
		s.broken(time.Now(), fmt.Sprintf("the event stream of node %s ended: %v", s.node, err))
		if first && s.lines == 0 {
			return // there is no containerd to listen to
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
		go func() {
			if s.mark(ctx) == nil {
				s.mended(time.Now())
			}
		}()
	}
}

func (s *stream) broken(at time.Time, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
	if n := len(s.gaps); n == 0 || !s.gaps[n-1].to.IsZero() {
		s.gaps = append(s.gaps, silence{from: at, why: why})
	}
}

func (s *stream) mended(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.gaps); n > 0 && s.gaps[n-1].to.IsZero() {
		s.gaps[n-1].to = at
	}
}

// once is one life of the command that prints events.
func (s *stream) once(ctx context.Context) error {
	in, hold, err := os.Pipe() // of the system's, as for a shell
	if err != nil {
		return err
	}
	defer hold.Close()
	out, to := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := s.nodes.Run(ctx, clusters.Command{Node: s.node, Args: []string{"sh", "-c", listen}, Stdin: in, Stdout: to})
		in.Close()
		to.CloseWithError(io.EOF)
		ended <- err
	}()
	lines := bufio.NewReaderSize(out, 1<<16)
	for first := true; ; first = false {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			out.CloseWithError(err)
			hold.Close()
			if err := <-ended; err != nil {
				return err
			}
			return errors.New("without a reason")
		}
		if line = bytes.TrimSpace(line); first {
			s.mu.Lock()
			s.pid = string(line)
			s.mu.Unlock()
		} else if len(line) > 0 {
			s.line(line)
		}
	}
}

// line takes one event. A line that cannot be read is a moment of silence: nobody knows what it said.
func (s *stream) line(line []byte) {
	e, err := parseRuntimeEvent(line)
	now := time.Now()
	if err != nil {
		s.broken(now, err.Error())
		s.mended(now)
		return
	}
	s.mu.Lock()
	s.lines++
	s.mu.Unlock()
	switch e.what {
	case runtimeOther:
		return
	case runtimeNamespace:
		s.mu.Lock()
		if mark := s.seen[e.id]; mark != nil {
			close(mark)
			delete(s.seen, e.id)
		}
		s.mu.Unlock()
		return
	case runtimeCreated:
		s.expect(e)
		return
	case runtimeTask:
		s.identifyByTask(e)
		return
	}
	if s.isExpected(e.id) {
		s.identify(e.id) // its task was not heard
		s.deliver(e.id)
	}
	s.mu.Lock()
	who, known := s.who[e.id]
	s.mu.Unlock()
	if known {
		s.heard(s.node, e, who)
	}
}

// identify asks ctr whose a container is.
func (s *stream) identify(id string) {
	text, err := s.shell.ask("ctr -n " + criNamespace + " containers info " + id)
	if err != nil {
		s.broken(time.Now(), fmt.Sprintf("container %s of node %s: %v", id, s.node, err))
		s.mended(time.Now())
		return
	}
	who, err := parseIdentity(text)
	if err != nil {
		return // not the kubelet's, or gone already; a run that lacks its start is found when observations are put together
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who[id] = who
}

// mark makes an event of the recorder's own and waits until it is heard.
func (s *stream) mark(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for i := 0; ; i++ {
		name := "sidecar-conformance-" + strconv.FormatInt(time.Now().UnixNano(), 36)
		mark := make(chan struct{})
		s.mu.Lock()
		s.seen[name] = mark
		s.mu.Unlock()
		if _, err := s.shell.ask("ctr namespaces create " + name + " && ctr namespaces remove " + name); err != nil {
			return err
		}
		select {
		case <-mark:
			return nil
		case <-s.done:
			return fmt.Errorf("no event was heard: %v", s.silences())
		case <-ctx.Done():
			return fmt.Errorf("no event was heard: %w", ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func (s *stream) silences() []silence {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]silence(nil), s.gaps...)
}

// identityOf is whose container an ID is of; ok is false if that was not heard.
func (s *stream) identityOf(id string) (identity, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	who, ok := s.who[id]
	return who, ok
}

// busy is how much CPU time the recorder has used on the node, and in what time.
func (s *stream) busy() (used, of time.Duration, err error) {
	s.mu.Lock()
	pid := s.pid
	s.mu.Unlock()
	text, err := s.shell.ask("cat /proc/" + pid + "/stat /proc/$$/stat")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(text)) {
		used += cpuTime(line)
	}
	return used, time.Since(s.started), nil
}

// cpuTime reads utime, stime, cutime and cstime of /proc/PID/stat, in hundredths of a second.
func cpuTime(stat string) time.Duration {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 15 {
		return 0
	}
	var ticks time.Duration
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err == nil {
			ticks += time.Duration(n)
		}
	}
	return ticks * 10 * time.Millisecond
}
