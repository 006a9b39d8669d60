package script

import (
	"encoding/json"
	"time"
)

// Entry is one line of the journal: something that the actor saw or did.
type Entry struct {
	// At is the node's wall clock. Mono is its monotonic clock in nanoseconds, comparable between the containers of a node
	// until that reboots.
	At   time.Time `json:"at"`
	Mono int64     `json:"mono"`
	// Container and Run say who: the run is the number of starts of the container's process before this one.
	Container string `json:"container"`
	Run       int    `json:"run"`
	What      What   `json:"what"`
	// PID is the process that wrote the line; begin and end of one call by exec have the same.
	PID int `json:"pid"`
	// Name says which probe it was.
	Name string `json:"name,omitempty"`
	// Via is how a probe or hook was called: exec, http or tcp.
	Via string `json:"via,omitempty"`
	// Began is the value of Mono in the line of the call's begin.
	Began int64 `json:"began,omitempty"`
	// Result is how a probe or hook ended.
	Result Result `json:"result,omitempty"`
	// Signal is the stop signal's name.
	Signal string `json:"signal,omitempty"`
	// ExitCode is what the process is about to exit with.
	ExitCode *int32 `json:"exitCode,omitempty"`
	// Note is for people.
	Note string `json:"note,omitempty"`
}

// What is the kind of an Entry.
type What string

// What a journal tells.
const (
	// Started is the first line of a run.
	Started What = "started"
	// StopSignal is a signal that asks the process to end. Only the first one of a run counts.
	StopSignal What = "stopSignal"
	// Exit is the last line of a run that ends by itself: it is written before the process exits.
	Exit What = "exit"
	// ProbeBegin and ProbeEnd enclose a probe by exec or http. A probe that the kubelet gave up has no end. A tcp probe that
	// found the port open has an end only; one that found it closed has nothing, as no process sees it.
	ProbeBegin What = "probeBegin"
	ProbeEnd   What = "probe"
	// The begins and ends of hooks. A hook that was given up has no end.
	PostStartBegin What = "postStartBegin"
	PostStartEnd   What = "postStartEnd"
	PreStopBegin   What = "preStopBegin"
	PreStopEnd     What = "preStopEnd"
	// PortOpened and PortClosed say when a tcp probe begins and ceases to succeed.
	PortOpened What = "portOpened"
	PortClosed What = "portClosed"
	// Allocating says that the process begins to use more memory than it may.
	Allocating What = "allocating"
	// Problem is something that the actor could not do; Note says what. The recording is not to be trusted.
	Problem What = "problem"
)

// Known reports whether the actor writes such lines.
func (w What) Known() bool {
	switch w {
	case Started, StopSignal, Exit, ProbeBegin, ProbeEnd, PostStartBegin, PostStartEnd, PreStopBegin, PreStopEnd,
		PortOpened, PortClosed, Allocating, Problem:
		return true
	}
	return false
}

// Begin and End are the kinds of line around a hook.
func (h Hook) Begin() What { return What(string(h) + "Begin") }

// End is the kind of line after a hook.
func (h Hook) End() What { return What(string(h) + "End") }

// maxNote keeps a line below 4096 bytes, so that a pipe takes it whole and lines of several processes do not mix.
const maxNote = 512

// Line returns the entry as one line, with its end.
func (e *Entry) Line() []byte {
	if len(e.Note) > maxNote {
		e.Note = e.Note[:maxNote] + "..."
	}
	line, err := json.Marshal(e)
	if err != nil {
		panic(err) // an Entry always encodes: its years have four digits
	}
	return append(line, '\n')
}
