package oracle

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// supervisor runs the scenarios in processes that it can end: a goroutine stuck outside of virtual time, or a crash of
// the kubelet, costs one scenario and not the rest.
type supervisor struct {
	log   bool
	limit time.Duration
	batch int
}

// process is one worker.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	answers chan []byte // closed when the worker's output ends
	stderr  *tail
	served  int
}

func supervise(in io.Reader, out io.Writer, s supervisor) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	results := bufio.NewWriter(out)
	var p *process
	defer func() {
		if p != nil {
			p.end()
		}
	}()
	for {
		line, err := lines.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) > 0 {
			if p != nil && p.served >= s.batch {
				p.end()
				p = nil
			}
			if p == nil {
				var startErr error
				if p, startErr = s.start(); startErr != nil {
					return startErr
				}
			}
			answer, failed := p.ask(line, s.limit)
			if failed != nil {
				p.end()
				p = nil
				answer = failure(line, failed)
			}
			if _, err := results.Write(answer); err != nil {
				return err
			}
			if err := results.Flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func failure(line []byte, err error) []byte {
	var request struct{ ID string }
	_ = json.Unmarshal(line, &request)
	text, encodeErr := json.Marshal(map[string]string{"ID": request.ID, "Release": release, "Error": err.Error()})
	if encodeErr != nil {
		panic(encodeErr) // strings always encode
	}
	return append(text, '\n')
}

func (s supervisor) start() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"-worker"}
	if s.log {
		args = append(args, "-v")
	}
	p := &process{command: exec.Command(self, args...), answers: make(chan []byte), stderr: &tail{}}
	p.command.Env = append(os.Environ(), "GOMAXPROCS=1")
	p.command.Stderr = p.stderr
	if s.log {
		p.command.Stderr = io.MultiWriter(os.Stderr, p.stderr)
	}
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting a worker: %w", err)
	}
	go func() {
		defer close(p.answers)
		lines := bufio.NewReaderSize(out, 1<<20)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			p.answers <- line
		}
	}()
	return p, nil
}

// ask sends one request and waits for its answer.
func (p *process) ask(line []byte, limit time.Duration) ([]byte, error) {
	p.served++
	if line[len(line)-1] != '\n' {
		line = append(line, '\n')
	}
	if _, err := p.in.Write(line); err != nil {
		return nil, fmt.Errorf("the worker is gone: %w: %s", err, p.stderr)
	}
	select {
	case answer, ok := <-p.answers:
		if !ok {
			_ = p.command.Wait()
			return nil, fmt.Errorf("the worker crashed: %s", p.stderr)
		}
		return answer, nil
	case <-time.After(limit):
		return nil, fmt.Errorf("no answer within %v of real time", limit)
	}
}

// end ends the worker.
func (p *process) end() {
	p.in.Close()
	_ = p.command.Process.Kill()
	for range p.answers {
	}
	_ = p.command.Wait()
}

// tail keeps the beginning of what a worker writes to standard error: a crash explains itself there.
type tail struct{ text []byte }

// Write keeps the first bytes.
func (t *tail) Write(p []byte) (int, error) {
	if room := 8192 - len(t.text); room > 0 {
		t.text = append(t.text, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// String is what was kept.
func (t *tail) String() string { return string(t.text) }
