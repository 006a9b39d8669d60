package observe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
)

// Nodes runs commands on the nodes of a cluster. A clusters.Cluster is one.
type Nodes interface {
	Nodes() ([]string, error)
	Run(ctx context.Context, command clusters.Command) error
}

// shell is a shell on a node that answers one question after the other: far cheaper than a new command for each.
type shell struct {
	mu    sync.Mutex
	in    *os.File
	out   *bufio.Reader
	ended chan struct{} // closed when the shell is gone
	err   error
}

// answerEnd separates answers. No command that is asked prints such a line.
const answerEnd = "@@end of answer"

// openShell starts a shell. Its input is a pipe of the system's: with any other reader, a command that has ended would be waited for
// until that reader has something to say.
func openShell(ctx context.Context, nodes Nodes, node string) (*shell, error) {
	in, toShell, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	fromShell, out := io.Pipe()
	s := &shell{in: toShell, out: bufio.NewReader(fromShell), ended: make(chan struct{})}
	go func() {
		s.err = nodes.Run(ctx, clusters.Command{Node: node, Args: []string{"sh"}, Stdin: in, Stdout: out})
		in.Close()
		out.CloseWithError(io.EOF)
		close(s.ended)
	}()
	return s, nil
}

// ask runs one line and returns what it printed. A line that fails is an error, with the output.
func (s *shell) ask(line string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Fprintf(s.in, "%s\necho; echo \"%s $?\"\n", line, answerEnd); err != nil {
		return nil, fmt.Errorf("asking a node: %w", err)
	}
	var answer bytes.Buffer
	for {
		text, err := s.out.ReadBytes('\n')
		if err != nil {
			return nil, fmt.Errorf("asking a node: %w", err)
		}
		if bytes.HasPrefix(text, []byte(answerEnd)) {
			break
		}
		answer.Write(text)
	}
	return bytes.TrimSpace(answer.Bytes()), nil
}

func (s *shell) close() error {
	s.in.Close()
	<-s.ended
	if errors.Is(s.err, context.Canceled) {
		return nil
	}
	return s.err
}
