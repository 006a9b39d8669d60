package actor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// builder keeps the program in a directory of the tests, programFile is the program for this machine.
var (
	builder     Builder
	programFile string
)

// TestMain builds the program once, as users do: from the embedded source.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "actor-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	builder.Cache = dir
	if runtime.GOOS == "linux" {
		binary, err := builder.Binary(context.Background(), runtime.GOARCH)
		if err == nil {
			programFile = filepath.Join(dir, "actor")
			err = os.WriteFile(programFile, binary, 0o755)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// stage is a container without a container: a directory and a script, and the processes that share them.
type stage struct {
	t      *testing.T
	script script.Script
}

func newStage(t *testing.T, runs ...script.Process) *stage {
	t.Helper()
	if programFile == "" {
		t.Skip("the actor runs on Linux only")
	}
	t.Parallel()
	return &stage{t, script.Script{Container: "c", Directory: t.TempDir(), Runs: runs}}
}

// started is a process of the stage.
type started struct {
	t              *testing.T
	command        *exec.Cmd
	stdout, stderr bytes.Buffer
	at             time.Time
}

// start starts the program. Without arguments it is the container's process.
func (s *stage) start(args ...string) *started {
	s.t.Helper()
	p := &started{t: s.t, command: exec.Command(programFile, args...)}
	p.command.Env = s.environment()
	p.command.Stdout, p.command.Stderr = &p.stdout, &p.stderr
	p.at = time.Now()
	if err := p.command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = p.command.Process.Kill() })
	return p
}

func (s *stage) environment() []string {
	text, err := json.Marshal(&s.script)
	if err != nil {
		s.t.Fatal(err)
	}
	return []string{script.Variable + "=" + string(text), "PATH=" + os.Getenv("PATH")}
}

// main starts the container's process and waits until it is there.
func (s *stage) main() *started {
	s.t.Helper()
	before := s.count(script.Started)
	p := s.start()
	s.await("the start", func() bool { return s.count(script.Started) > before })
	return p
}

// await waits for something that happens soon.
func (s *stage) await(what string, happened func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s did not come; the journal is\n%s", what, s.text())
		}
	}
}

func (s *stage) text() string {
	text, err := os.ReadFile(filepath.Join(s.script.Directory, s.script.Container, script.JournalFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	return string(text)
}

// entries reads the journal, of which every line must be one.
func (s *stage) entries() []Entry {
	s.t.Helper()
	entries, err := ParseJournal(strings.NewReader(s.text()))
	if err != nil {
		s.t.Fatal(err)
	}
	return entries
}

func (s *stage) count(what script.What) int {
	n := 0
	for _, e := range s.entries() {
		if e.What == what {
			n++
		}
	}
	return n
}

// find returns the last entry of the kind.
func (s *stage) find(what script.What) Entry {
	s.t.Helper()
	entries := s.entries()
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].What == what {
			return entries[i]
		}
	}
	s.t.Fatalf("the journal has no %s\n%s", what, s.text())
	return Entry{}
}

// words is the journal as run:what.
func (s *stage) words() string {
	var words []string
	for _, e := range s.entries() {
		words = append(words, fmt.Sprintf("%d:%s", e.Run, e.What))
	}
	return strings.Join(words, " ")
}

func (s *stage) wantWords(want string) {
	s.t.Helper()
	if got := s.words(); got != want {
		s.t.Errorf("the journal is\n%s\nwant\n%s", got, want)
	}
}

// wait returns the exit code, 128 + N for one that signal N ended.
func (p *started) wait() int {
	p.t.Helper()
	err := p.command.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	status := p.command.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

// wantExit waits for the end, and wants its code, not before a time since the start of the process.
func (p *started) wantExit(code int, least time.Duration) {
	p.t.Helper()
	if got := p.wait(); got != code {
		p.t.Errorf("%v exited %d, want %d; %s", p.command.Args[1:], got, code, &p.stderr)
	}
	if lived := time.Since(p.at); lived < least {
		p.t.Errorf("%v lived for %v, want at least %v", p.command.Args[1:], lived, least)
	}
}

func (p *started) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// freePort returns a port that nobody listens at.
func freePort(t *testing.T) int32 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return int32(listener.Addr().(*net.TCPAddr).Port)
}
