package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// Variable is the environment variable that holds the script.
	Variable = "SIDECAR_CONFORMANCE_SCRIPT"
	// Directory is where the volume that outlives restarts is mounted. Each container has a directory of its own in it.
	Directory = "/sidecar-conformance"
	// JournalFile is the name of the journal in the container's directory.
	JournalFile = "journal.jsonl"
)

// Exit codes of the actor itself. A script should not use them.
const (
	// ExitUsage says that the actor was called with words that it does not know.
	ExitUsage = 64
	// ExitBroken says that the actor could not play its part: no script, no directory, a port that is taken. What was
	// wrong is on standard error and, where possible, in the journal.
	ExitBroken = 70
)

// Script is what one container plays.
type Script struct {
	// Container is the container's name.
	Container string `json:"container"`
	// Directory is where the container's own directory lies; empty means the constant Directory.
	Directory string `json:"directory,omitempty"`
	// Runs are the lives of its processes, by their number. The last one repeats; none means one that lives until it is
	// stopped and exits 143.
	Runs []Process `json:"runs,omitempty"`
	// HTTPPort is where it answers http probes and hooks, by the paths of ProbePath and HookPath; 0 means nowhere.
	HTTPPort int32 `json:"httpPort,omitempty"`
	// TCP are its tcp probes: a port is open while the answer is success.
	TCP []Port `json:"tcp,omitempty"`
	// GRPC are its grpc probes: each is asked at a port of its own.
	GRPC []Port `json:"grpc,omitempty"`
	// MemoryLimit is the container's memory limit in bytes, for a process that is to be killed for its memory; 0 means that none is.
	MemoryLimit int64 `json:"memoryLimit,omitempty"`
}

// Port is where the actor answers a tcp or a grpc probe.
type Port struct {
	Probe Probe `json:"probe"`
	Port  int32 `json:"port"`
}

// Process is the life of one process. Times count from its start.
type Process struct {
	// For is how long it lives by itself, Forever for no end.
	For      Duration `json:"for"`
	ExitCode int32    `json:"exitCode,omitempty"`
	// OOMKilled: it ends by using more memory than its container may.
	OOMKilled bool   `json:"oomKilled,omitempty"`
	OnStop    OnStop `json:"onStop"`
	// The answers to its probes; none means success at once.
	Startup   []Answer `json:"startup,omitempty"`
	Readiness []Answer `json:"readiness,omitempty"`
	Liveness  []Answer `json:"liveness,omitempty"`
	PostStart HookRun  `json:"postStart,omitzero"`
	PreStop   HookRun  `json:"preStop,omitzero"`
}

// OnStop is what a process does on the stop signal.
type OnStop struct {
	// Ignore: it goes on until it is killed.
	Ignore bool `json:"ignore,omitempty"`
	// Only is the one signal that it reacts to. The actor knows SIGTERM alone, so Parse refuses others.
	Only     string   `json:"only,omitempty"`
	After    Duration `json:"after,omitempty"`
	ExitCode int32    `json:"exitCode,omitempty"`
}

// Answer is what a probe finds from a moment of the process's life on.
type Answer struct {
	From Duration `json:"from,omitempty"`
	// Result is empty for success.
	Result Result   `json:"result,omitempty"`
	Takes  Duration `json:"takes,omitempty"`
}

// HookRun is what a hook does. The zero value succeeds at once.
type HookRun struct {
	Takes Duration `json:"takes,omitempty"`
	Fails bool     `json:"fails,omitempty"`
	// EndsProcess: the process exits with OnStop.ExitCode when the hook has ended.
	EndsProcess bool `json:"endsProcess,omitempty"`
}

// Result is what a probe or hook ends with.
type Result string

// The results. Only success, failure and error are written in scripts.
const (
	Success Result = "success"
	Failure Result = "failure"
	// Errs means that the probe cannot be carried out; the kubelet drops such a result.
	Errs Result = "error"
)

// Probe names one of a container's probes, Hook one of its lifecycle hooks. They are the words of the actor's commands.
type (
	Probe string
	Hook  string
)

// The probes and hooks.
const (
	Startup   Probe = "startup"
	Readiness Probe = "readiness"
	Liveness  Probe = "liveness"

	PostStart Hook = "postStart"
	PreStop   Hook = "preStop"
)

// Probes are all probes.
func Probes() []Probe { return []Probe{Startup, Readiness, Liveness} }

// Hooks are all hooks.
func Hooks() []Hook { return []Hook{PostStart, PreStop} }

// Path is where the probe is asked by http.
func (p Probe) Path() string { return "/probe/" + string(p) }

// Path is where the hook is called by http.
func (h Hook) Path() string { return "/hook/" + string(h) }

// Parse reads a script. The error holds every problem.
func Parse(text string) (*Script, error) {
	if text == "" {
		return nil, fmt.Errorf("the environment variable %s is empty: set it to the script of this container", Variable)
	}
	s := Script{Directory: Directory}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("reading the script in %s: %w", Variable, err)
	}
	var problems []error
	if s.Container == "" {
		problems = append(problems, errors.New("the script names no container: write \"container\""))
	}
	if len(s.Runs) == 0 {
		s.Runs = []Process{{For: Forever, OnStop: OnStop{ExitCode: 143}}}
	}
	for i := range s.Runs {
		if s.Runs[i].OOMKilled && s.MemoryLimit <= 0 {
			problems = append(problems, fmt.Errorf("run %d is to be killed for its memory: write \"memoryLimit\"", i))
		}
		if only := s.Runs[i].OnStop.Only; only != "" && only != "SIGTERM" {
			problems = append(problems, fmt.Errorf("run %d reacts to %q alone, of which the actor knows nothing", i, only))
		}
	}
	for _, port := range slices.Concat(s.TCP, s.GRPC) {
		if !slices.Contains(Probes(), port.Probe) {
			problems = append(problems, fmt.Errorf("there is no probe %q: write startup, readiness or liveness", port.Probe))
		}
	}
	return &s, errors.Join(problems...)
}

// Life returns what the run of the number does.
func (s *Script) Life(run int) *Process { return &s.Runs[min(run, len(s.Runs)-1)] }

// Answers returns what the probe finds.
func (p *Process) Answers(probe Probe) []Answer {
	switch probe {
	case Startup:
		return p.Startup
	case Readiness:
		return p.Readiness
	}
	return p.Liveness
}

// Hook returns what the hook does.
func (p *Process) Hook(hook Hook) HookRun {
	if hook == PostStart {
		return p.PostStart
	}
	return p.PreStop
}

// AnswerAt returns the answer that holds at an age of the process: the last one whose From has passed, or the first one.
func AnswerAt(answers []Answer, age time.Duration) Answer {
	found := Answer{}
	for i, a := range answers {
		if i == 0 || time.Duration(a.From) <= age {
			found = a
		}
	}
	if found.Result == "" {
		found.Result = Success
	}
	return found
}

// Duration is a time.Duration that is written as Go does, or as "forever".
type Duration time.Duration

// Forever is the life of a process that does not end by itself.
const Forever Duration = -1

// MarshalText writes the duration.
func (d Duration) MarshalText() ([]byte, error) {
	if d == Forever {
		return []byte("forever"), nil
	}
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(text []byte) error {
	if string(text) == "forever" {
		*d = Forever
		return nil
	}
	value, err := time.ParseDuration(string(text))
	if err == nil && value < 0 {
		err = fmt.Errorf("the duration %q is negative: write 0s or more, or forever", text)
	}
	*d = Duration(value)
	return err
}
