package actor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

const ms = time.Millisecond

// lives is a process of some length.
func lives(d time.Duration, code int32) script.Process {
	return script.Process{For: script.Duration(d), ExitCode: code, OnStop: script.OnStop{ExitCode: 143}}
}

func forever(stop script.OnStop) script.Process {
	return script.Process{For: script.Forever, OnStop: stop}
}

// TestRunsAreCounted plays four starts of a container whose script has two runs, in one directory.
func TestRunsAreCounted(t *testing.T) {
	s := newStage(t, lives(60*ms, 3), lives(10*ms, 5))
	s.start().wantExit(3, 60*ms)
	for range 3 {
		s.start().wantExit(5, 10*ms)
	}
	s.wantWords("0:started 0:exit 1:started 1:exit 2:started 2:exit 3:started 3:exit")
	if e := s.find(script.Exit); *e.ExitCode != 5 || e.Container != "c" {
		t.Errorf("the last entry is %+v", e)
	}
}

func TestStopSignal(t *testing.T) {
	for _, c := range []struct {
		name  string
		run   script.Process
		code  int
		least time.Duration
		words string
	}{
		{"at once", forever(script.OnStop{ExitCode: 143}), 143, 0, "0:started 0:stopSignal 0:stopSignal 0:exit"},
		{"later, other code", forever(script.OnStop{After: script.Duration(100 * ms), ExitCode: 7}), 7, 100 * ms, "0:started 0:stopSignal 0:stopSignal 0:exit"},
		{"ignored until its time is over", script.Process{For: script.Duration(300 * ms), ExitCode: 4, OnStop: script.OnStop{Ignore: true}},
			4, 300 * ms, "0:started 0:stopSignal 0:stopSignal 0:exit"},
		{"its time is over before", script.Process{For: script.Duration(300 * ms), ExitCode: 4, OnStop: script.OnStop{After: script.Duration(time.Minute)}},
			4, 300 * ms, "0:started 0:stopSignal 0:stopSignal 0:exit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.run)
			p := s.main()
			p.signal(syscall.SIGTERM)
			if c.least > 0 {
				s.await("the signal", func() bool { return s.count(script.StopSignal) == 1 })
				p.signal(syscall.SIGTERM) // the second one changes nothing
			} else {
				c.words = strings.Replace(c.words, " 0:stopSignal", "", 1)
			}
			p.wantExit(c.code, c.least)
			s.wantWords(c.words)
			if e := s.find(script.StopSignal); e.Signal != "SIGTERM" {
				t.Errorf("the signal is %q", e.Signal)
			}
		})
	}
	t.Run("ignored until it is killed", func(t *testing.T) {
		s := newStage(t, forever(script.OnStop{Ignore: true}))
		p := s.main()
		p.signal(syscall.SIGTERM)
		s.await("the signal", func() bool { return s.count(script.StopSignal) == 1 })
		time.Sleep(50 * ms)
		p.signal(syscall.SIGKILL)
		p.wantExit(137, 50*ms)
		s.wantWords("0:started 0:stopSignal")
	})
}

func TestExecProbes(t *testing.T) {
	run := forever(script.OnStop{})
	run.Readiness = []script.Answer{{Result: script.Failure}, {From: script.Duration(500 * ms)},
		{From: script.Duration(1000 * ms), Result: script.Failure, Takes: script.Duration(100 * ms)}}
	s := newStage(t, run)
	p := s.main()
	s.start("probe", "readiness").wantExit(1, 0)
	s.start("probe", "liveness").wantExit(0, 0)
	time.Sleep(600*ms - time.Since(p.at))
	s.start("probe", "readiness").wantExit(0, 0)
	time.Sleep(1100*ms - time.Since(p.at))
	s.start("probe", "readiness").wantExit(1, 100*ms)
	e := s.find(script.ProbeEnd)
	if e.Name != "readiness" || e.Via != "exec" || e.Result != script.Failure || time.Duration(e.Mono-e.Began) < 100*ms {
		t.Errorf("the entry of the last probe is %+v", e)
	}
	if n := s.count(script.ProbeBegin); n != 4 {
		t.Errorf("%d probes began", n)
	}
	if !strings.Contains(p.stdoutNow(s, 9), `"probe"`) {
		t.Error("the probes are not on the standard output of the container's process")
	}
}

// stdoutNow ends the process and returns its output, which must be the journal's lines, and so many.
func (p *started) stdoutNow(s *stage, lines int) string {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait()
	// Two processes may write to file and output in different orders.
	sorted := func(text string) []string { return slices.Sorted(strings.Lines(text)) }
	if out := p.stdout.String(); !slices.Equal(sorted(out), sorted(s.text())) || strings.Count(out, "\n") != lines {
		p.t.Errorf("the standard output has not the %d lines of the journal\n%s\nthe journal is\n%s", lines, out, s.text())
	}
	return p.stdout.String()
}

// TestExecOfAYoungProcess begins a probe between two runs: it belongs to the later one.
func TestExecOfAYoungProcess(t *testing.T) {
	second := forever(script.OnStop{})
	second.Startup = []script.Answer{{Result: script.Failure}}
	s := newStage(t, lives(10*ms, 0), second)
	s.start().wantExit(0, 0)
	probe := s.start("probe", "startup")
	time.Sleep(100 * ms)
	s.main()
	probe.wantExit(1, 100*ms)
	if e := s.find(script.ProbeEnd); e.Run != 1 {
		t.Errorf("the probe is one of run %d", e.Run)
	}
}

func TestExecHooks(t *testing.T) {
	run := forever(script.OnStop{ExitCode: 9, Ignore: true})
	run.PostStart = script.HookRun{Takes: script.Duration(80 * ms), Fails: true}
	run.PreStop = script.HookRun{Takes: script.Duration(50 * ms), EndsProcess: true}
	s := newStage(t, run)
	p := s.main()
	s.start("hook", "postStart").wantExit(1, 80*ms)
	s.start("hook", "preStop").wantExit(0, 50*ms)
	p.wantExit(9, 130*ms)
	s.wantWords("0:started 0:postStartBegin 0:postStartEnd 0:preStopBegin 0:preStopEnd 0:exit")
}

// TestHookThatIsGivenUp leaves a begin without an end.
func TestHookThatIsGivenUp(t *testing.T) {
	run := forever(script.OnStop{})
	run.PreStop.Takes = script.Duration(time.Minute)
	s := newStage(t, run)
	s.main()
	hook := s.start("hook", "preStop")
	s.await("the hook", func() bool { return s.count(script.PreStopBegin) == 1 })
	hook.signal(syscall.SIGKILL)
	hook.wantExit(137, 0)
	s.wantWords("0:started 0:preStopBegin")
}

func TestHTTP(t *testing.T) {
	run := forever(script.OnStop{ExitCode: 143})
	run.Readiness = []script.Answer{{Result: script.Failure}}
	run.Liveness = []script.Answer{{Result: script.Errs, Takes: script.Duration(50 * ms)}}
	run.PostStart = script.HookRun{Fails: true}
	run.PreStop = script.HookRun{Takes: script.Duration(50 * ms), EndsProcess: true}
	s := newStage(t, run)
	s.script.HTTPPort = freePort(t)
	p := s.main()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (status int, err error) {
		response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.script.HTTPPort, path))
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
		return response.StatusCode, err
	}
	s.await("the server", func() bool { _, err := get("/"); return err == nil })
	for _, c := range []struct {
		path   string
		status int
		fails  bool
	}{
		{"/probe/startup", 200, false},
		{"/probe/readiness?really", 503, false},
		{"/probe/liveness", 200, true},
		{"/elsewhere", 404, false},
		{"/hook/postStart", 0, true},
		{"/hook/preStop", 200, false},
	} {
		status, err := get(c.path)
		if status != c.status || (err != nil) != c.fails {
			t.Errorf("%s: %d, %v", c.path, status, err)
		}
	}
	p.wantExit(143, 100*ms)
	s.wantWords("0:started 0:probeBegin 0:probe 0:probeBegin 0:probe 0:probeBegin 0:probe " +
		"0:postStartBegin 0:postStartEnd 0:preStopBegin 0:preStopEnd 0:exit")
}

func TestTCP(t *testing.T) {
	run := lives(900*ms, 0)
	run.Startup = []script.Answer{{Result: script.Failure}, {From: script.Duration(300 * ms)}, {From: script.Duration(600 * ms), Result: script.Failure}}
	s := newStage(t, run)
	port := freePort(t)
	s.script.TCP = []script.Port{{Probe: script.Startup, Port: port}}
	open := func() bool {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			connection.Close()
		}
		return err == nil
	}
	p := s.main()
	for _, c := range []struct {
		at   time.Duration
		open bool
	}{{50 * ms, false}, {450 * ms, true}, {750 * ms, false}} {
		time.Sleep(c.at - time.Since(p.at))
		if open() != c.open {
			t.Errorf("after %v the port is not open: %v", time.Since(p.at), c.open)
		}
	}
	p.wantExit(0, 900*ms)
	s.wantWords("0:started 0:portOpened 0:probe 0:portClosed 0:exit")
}

// TestGRPC asks as the kubelet does: with a connection for each call. prober/grpc: Probe.
func TestGRPC(t *testing.T) {
	run := forever(script.OnStop{ExitCode: 143})
	run.Readiness = []script.Answer{
		{Result: script.Failure}, {From: script.Duration(600 * ms)}, {From: script.Duration(1200 * ms), Takes: script.Duration(10 * time.Second)},
	}
	s := newStage(t, run)
	port := freePort(t)
	s.script.GRPC = []script.Port{{Probe: script.Readiness, Port: port}}
	ask := func() string {
		connection, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", port), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answer, err := healthpb.NewHealthClient(connection).Check(ctx, &healthpb.HealthCheckRequest{Service: "anything"})
		if err != nil {
			return status.Code(err).String()
		}
		return answer.Status.String()
	}
	p := s.main()
	var got []string
	for len(got) < 3 && time.Since(p.at) < 10*time.Second {
		if answer := ask(); answer != "Unavailable" && (len(got) == 0 || answer != got[len(got)-1]) { // it does not listen yet
			got = append(got, answer)
		}
	}
	if want := []string{"NOT_SERVING", "SERVING", "DeadlineExceeded"}; !slices.Equal(got, want) {
		t.Errorf("the answers are %v, want %v", got, want)
	}
	if begins, ends := s.count(script.ProbeBegin), s.count(script.ProbeEnd); begins < 3 || ends != begins-1 {
		t.Errorf("%d probes began and %d ended, want 3 or more, and one less", begins, ends)
	}
}

// TestJournalIsWhole has many processes write at the same time. No line is lost or broken, in the file or on the output.
func TestJournalIsWhole(t *testing.T) {
	const probes = 60
	s := newStage(t, forever(script.OnStop{ExitCode: 143}))
	p := s.main()
	var group sync.WaitGroup
	for range probes {
		probe := s.start("probe", "liveness")
		group.Go(func() { _ = probe.command.Wait() })
	}
	group.Wait()
	p.stdoutNow(s, 1+2*probes)
	if begins, ends := s.count(script.ProbeBegin), s.count(script.ProbeEnd); begins != probes || ends != probes {
		t.Errorf("%d probes began, %d ended, want %d", begins, ends, probes)
	}
}

func TestPrintJournal(t *testing.T) {
	s := newStage(t, lives(0, 0))
	s.start().wantExit(0, 0)
	p := s.start("journal")
	p.wantExit(0, 0)
	if p.stdout.String() != s.text() {
		t.Errorf("printed %q, want %q", &p.stdout, s.text())
	}
}

func TestBrokenActors(t *testing.T) {
	s := newStage(t)
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		args       []string
		code       int
		want       string
	}{
		{"no script", "", nil, script.ExitBroken, script.Variable + " is empty"},
		{"no JSON", "{", nil, script.ExitBroken, "reading the script"},
		{"problems", `{"runs":[{"for":"1s","oomKilled":true}],"tcp":[{"probe":"x"}]}`, nil, script.ExitBroken, `there is no probe "x"`},
		{"negative", `{"container":"c","runs":[{"for":"-1s"}]}`, nil, script.ExitBroken, "write 0s or more"},
		{"no directory", fmt.Sprintf(`{"container":"c","directory":%q}`, file), nil, script.ExitBroken, "making the directory"},
		{"unknown words", "", []string{"probe", "x"}, script.ExitUsage, "unknown arguments"},
		{"no journal", fmt.Sprintf(`{"container":"c","directory":%q}`, s.script.Directory), []string{"journal"}, script.ExitBroken, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			command := exec.Command(programFile, c.args...)
			command.Env = []string{script.Variable + "=" + c.text}
			out, err := command.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != c.code || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, %s; want %d and %q", err, out, c.code, c.want)
			}
		})
	}
}

// TestFirstProcess runs the actor as number 1 of its own process space, as in a container.
func TestFirstProcess(t *testing.T) {
	s := newStage(t, forever(script.OnStop{ExitCode: 143}))
	p := &started{t: t, at: time.Now(), command: exec.Command("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", programFile)}
	if err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").Run(); err != nil {
		t.Skipf("process spaces cannot be had here: %v", err)
	}
	p.command.Env = s.environment()
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.command.Process.Kill() })
	s.await("the start", func() bool { return s.count(script.Started) == 1 })
	if e := s.find(script.Started); e.PID != 1 {
		t.Errorf("the actor is process %d", e.PID)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", p.command.Process.Pid, p.command.Process.Pid))
	if err != nil {
		t.Skip(err)
	}
	var first int
	if _, err := fmt.Sscan(string(children), &first); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(first, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wantExit(143, 0)
	s.wantWords("0:started 0:stopSignal 0:exit")
}
