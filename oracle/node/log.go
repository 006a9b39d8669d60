package node

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
)

// Step is one of the pod worker's steps, as the kubelet logs it.
type Step struct {
	Name string // SyncPod, SyncTerminatingPod, SyncTerminatedPod
	Pod  string // its UID
	Exit bool
}

// listener is told the steps of the current kubelet.
var listener atomic.Pointer[func(Step)]

// Listen sends the worker's steps to f from now on; nil stops it.
func Listen(f func(Step)) {
	if f == nil {
		listener.Store(nil)
		return
	}
	listener.Store(&f)
}

// RedirectLog takes over the log of all Kubernetes code of this process: the worker's steps are picked out of it, and
// if out is not nil, everything is written there, with virtual time.
func RedirectLog(out io.Writer) {
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	_ = flags.Set("v", "4")
	klog.SetLoggerWithOptions(logr.New(&sink{out: out}), klog.ContextualLogger(true))
	// The handlers after the first one only slow down whoever reports many errors. In 1.31 to 1.33 they make every
	// report take a millisecond; elsewhere they remember real time, which virtual time may be far from.
	utilruntime.ErrorHandlers = utilruntime.ErrorHandlers[:1]
}

type sink struct {
	out    io.Writer
	values []any
}

func (*sink) Init(logr.RuntimeInfo)          {}
func (*sink) Enabled(level int) bool         { return level <= 4 }
func (s *sink) WithName(string) logr.LogSink { return s }
func (s *sink) WithValues(kv ...any) logr.LogSink {
	return &sink{s.out, append(s.values[:len(s.values):len(s.values)], kv...)}
}

// Info picks out the steps.
func (s *sink) Info(_ int, message string, kv ...any) {
	if name, isEnter := strings.CutSuffix(message, " enter"); isEnter {
		tell(Step{Name: name, Pod: uidIn(kv)})
	} else if name, isExit := strings.CutSuffix(message, " exit"); isExit {
		tell(Step{Name: name, Pod: uidIn(kv), Exit: true})
	}
	s.write("I", message, kv)
}

// uidIn is the Pod's UID among the values of a message.
func uidIn(kv []any) string {
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i] == "podUID" {
			return fmt.Sprint(kv[i+1])
		}
	}
	return ""
}

// Error only writes.
func (s *sink) Error(err error, message string, kv ...any) {
	s.write("E", message, append(kv, "err", err))
}

func (s *sink) write(level, message string, kv []any) {
	if s.out == nil {
		return
	}
	fmt.Fprintf(s.out, "%s %s %s", level, time.Now().Format("15:04:05.000000"), message)
	for i := 0; i+1 < len(kv); i += 2 {
		fmt.Fprintf(s.out, " %v=%v", kv[i], kv[i+1])
	}
	fmt.Fprintln(s.out)
}

func tell(step Step) {
	if f := listener.Load(); f != nil && strings.HasPrefix(step.Name, "Sync") {
		(*f)(step)
	}
}
