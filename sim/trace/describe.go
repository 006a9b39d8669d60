package trace

import (
	"strconv"
	"strings"
	"time"
)

// Words says in a few words what the event is: "startup probe passed", "exited 143", "back-off 10s (CrashLoopBackOff)".
// It names neither the container nor the instant.
func (e *Event) Words() string {
	words := kindWords[min(e.Kind, kindCount-1)]
	switch e.Kind {
	case JobCounts:
		return oneLine(e.Reason)
	case JobBackOff:
		words += " " + ShortDuration(e.Span)
	case JobSyncFailed:
		words += afterColon(e.Reason)
	case PodCounted:
		words += " as " + oneLine(e.Reason)
	case JobRefused, JobFieldDropped, JobPatched:
		words += afterColon(e.Reason)
	case JobSuccessCriteriaMet, JobFailureTarget, JobComplete, JobFailed:
		words += inBrackets(e.Reason)
	case Created, Running:
		if e.Run > 0 {
			words += " (restart " + strconv.Itoa(int(e.Run)) + ")"
		}
	case Exited:
		words += " " + strconv.Itoa(int(e.ExitCode))
		if e.Reason != "Error" && e.Reason != "Completed" {
			words += inBrackets(e.Reason)
		}
	case BackOff:
		words += " " + ShortDuration(e.Span) + inBrackets(e.Reason)
	case Killing, DeleteRequested, StopSignal:
		if e.Kind == StopSignal && e.Reason != "" {
			words += " " + e.Reason
		}
		words += " (grace " + ShortDuration(e.Span) + ")"
		if e.Kind == Killing {
			words += afterColon(e.Reason)
		}
	case EvictRequested:
		words += " (" + e.Reason + ", grace " + ShortDuration(e.Span) + ")"
	case TurnReached:
		words += " (grace " + ShortDuration(e.Span) + " left)"
	case WakeUp:
		if e.Span > 0 {
			words += " after " + ShortDuration(e.Span)
		}
		words += inBrackets(e.Reason)
	case FieldDropped, PodRefused, PodUnscheduled, PodRejected, OutsideSignal, ImageChanged:
		words += afterColon(e.Reason)
	case PullFailed, CreateError, StartError, Relist, Sync, SyncTerminating, SyncTerminated, PostStartFailed, PreStopFailed:
		words += inBrackets(e.Reason)
	}
	return words
}

var kindWords = [kindCount]string{
	KindNone: "nothing",

	JobCreated:            "created",
	JobRefused:            "refused",
	JobFieldDropped:       "field dropped",
	JobPatched:            "patched",
	JobSync:               "sync",
	JobSyncFailed:         "sync failed",
	JobBackOff:            "back-off",
	JobCounts:             "counts",
	JobSuspended:          "suspended",
	JobResumed:            "resumed",
	JobSuccessCriteriaMet: "success criteria met",
	JobFailureTarget:      "failure target",
	JobComplete:           "complete",
	JobFailed:             "failed",
	JobRemoved:            "removed",

	PodCreated:       "created",
	FieldDropped:     "field dropped",
	PodRefused:       "refused",
	PodBound:         "bound",
	PodUnscheduled:   "unschedulable",
	DeleteRequested:  "deletion requested",
	PodRemoved:       "removed",
	PodCounted:       "counted",
	PodRejected:      "rejected",
	Relist:           "relist",
	WakeUp:           "wake-up",
	Sync:             "sync",
	SyncTerminating:  "terminating sync",
	SyncTerminated:   "terminated sync",
	SandboxReady:     "sandbox ready",
	SandboxStopped:   "sandbox stopped",
	DeadlineExceeded: "deadline exceeded",
	EvictRequested:   "eviction requested",
	NodeShutdown:     "node shutdown",
	NodeReleased:     "node released",
	ManifestRemoved:  "manifest removed",
	KubeletStopped:   "kubelet stopped",
	KubeletStarted:   "kubelet started",
	ImageChanged:     "image changed",
	EphemeralAdded:   "added",
	ResourcesChanged: "resources changed",
	BackOff:          "back-off",
	PullBegin:        "image pull begins",
	PullEnd:          "image pulled",
	PullFailed:       "image pull failed",
	Created:          "created",
	CreateError:      "create failed",
	Running:          "running",
	StartError:       "start failed",
	PostStartBegin:   "postStart begins",
	PostStartEnd:     "postStart ends",
	PostStartFailed:  "postStart fails",
	Started:          "started",
	Ready:            "ready",
	NotReady:         "not ready",
	StartupPassed:    "startup probe passed",
	StartupFailed:    "startup probe failed",
	ReadinessPassed:  "readiness probe passed",
	ReadinessFailed:  "readiness probe failed",
	LivenessPassed:   "liveness probe passed",
	LivenessFailed:   "liveness probe failed",
	Killing:          "stop begins",
	PreStopBegin:     "preStop begins",
	PreStopEnd:       "preStop ends",
	PreStopFailed:    "preStop fails",
	PreStopAbandoned: "preStop abandoned",
	TurnReached:      "its turn to stop",
	StopSignal:       "stop signal",
	KillSignal:       "SIGKILL",
	OutsideSignal:    "signal from outside",
	Exited:           "exited",
	Removed:          "record removed",
}

func inBrackets(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + oneLine(reason) + ")"
}

func afterColon(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + oneLine(reason)
}

// oneLine keeps messages from breaking tables.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// ShortDuration writes a length for people: "0s", "10ms", "2.01s", "30s", "1m30s", "1h". Below a minute it is exact to
// the millisecond, above to the second.
func ShortDuration(d time.Duration) string {
	switch {
	case d == Unbounded:
		return "unbounded"
	case d < 0:
		return "-" + ShortDuration(-max(d, -Unbounded))
	case d < time.Second:
		d = d.Round(min(time.Millisecond, max(1, d)))
	case d < time.Minute:
		d = d.Round(time.Millisecond)
	default:
		d = d.Round(time.Second)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = text[:len(text)-2]
	}
	if strings.HasSuffix(text, "h0m") {
		text = text[:len(text)-2]
	}
	return text
}

// Label names the event in running text, without its details: "proxy running", "pod bound"; "exited 143" for an event
// of container about.
func (t *Trace) Label(i int32, about int16) string {
	e := &t.Events[i]
	switch {
	case e.Container != NoContainer && e.Container != about:
		return t.Containers[e.Container].Name + " " + e.Brief()
	case e.Container == NoContainer && e.Kind.ofPodObject():
		return "pod " + e.Brief()
	case e.Kind.OfJob():
		return "job " + e.Brief()
	}
	return e.Brief()
}

// Brief is Words without what a reader finds on the event's own line.
func (e *Event) Brief() string {
	words := kindWords[min(e.Kind, kindCount-1)]
	switch e.Kind {
	case Exited:
		return words + " " + strconv.Itoa(int(e.ExitCode))
	case BackOff, JobBackOff:
		return words + " " + ShortDuration(e.Span)
	}
	return words
}

// ofPodObject reports whether the words need the subject "pod" to be understood.
func (k Kind) ofPodObject() bool {
	switch k {
	case PodCreated, PodBound, PodRemoved, PodCounted, PodRefused, PodRejected, PodUnscheduled:
		return true
	}
	return false
}
