// Command admit asks the API server of every release about the Pods of fixtures/admission, and writes what they say into
// the file against which the loader and the simulator are judged without an API server.
//
// It is run on purpose only: the words are evidence, and new ones replace the old ones whatever they say.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures/admission"
	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kubelet"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// options are the flags.
type options struct{ programs, malformed, out string }

func main() {
	var o options
	flag.StringVar(&o.programs, "oracle", "../../build", "folder of the oracle programs")
	flag.StringVar(&o.malformed, "malformed", "../../../fixtures/testdata/malformed", "folder of inputs that the loader refuses")
	flag.StringVar(&o.out, "out", "../../../fixtures/admission/testdata/words.json", "file of the words")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := record(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "admit:", err)
		os.Exit(1)
	}
}

func record(ctx context.Context, o options) error {
	pods, err := admission.Pods(os.DirFS(o.malformed))
	if err != nil {
		return err
	}
	targets, names, err := admission.Targets()
	if err != nil {
		return err
	}
	words := make([][]admission.Word, len(pods)) // by Pod, then target
	for i, target := range targets {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%d of %d API servers: %s", i+1, len(targets), names[i])
		said, err := ask(ctx, o.programs, target.Control, pods)
		if err != nil {
			return err
		}
		for j := range said {
			words[j] = append(words[j], said[j])
		}
	}
	var all []admission.Answers
	different := 0
	for i := range pods {
		answers, err := admission.Group(pods[i].Name, names, words[i])
		if err != nil {
			return err
		}
		all = append(all, answers)
		different += len(answers.Answers)
	}
	text, err := admission.Write(all)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "\r\x1b[K%d Pods on %d API servers: %d different words, %d kB\n", len(pods), len(targets), different, len(text)/1000)
	return os.WriteFile(o.out, text, 0o644)
}

// ask puts all Pods to one API server.
func ask(ctx context.Context, programs string, server gates.Component, pods []admission.Pod) ([]admission.Word, error) {
	requests := make([]kubelet.Request, len(pods))
	for i := range pods {
		requests[i] = kubelet.Request{ID: pods[i].Name, Manifest: pods[i].Manifest, Control: kubelet.Gates(server)}
	}
	responses, err := kubelet.Ask(ctx, kubelet.Program(programs, server.Release.Line()), requests)
	if err != nil {
		return nil, err
	}
	words := make([]admission.Word, len(pods))
	for i := range responses {
		if words[i], err = word(&responses[i], server.Release, pods[i]); err != nil {
			return nil, fmt.Errorf("the API server of %s about %s: %w", server, pods[i].Name, err)
		}
	}
	return words, nil
}

// word takes an answer over, and makes sure that nothing of it gets lost.
func word(r *kubelet.Response, asked gates.Release, pod admission.Pod) (admission.Word, error) {
	switch {
	case r.Error != "":
		return admission.Word{}, errors.New(r.Error)
	case r.Release != "v"+asked.String():
		return admission.Word{}, fmt.Errorf("it is of %s, not of v%s", r.Release, asked)
	case len(r.SkippedGates) > 0:
		return admission.Word{}, fmt.Errorf("it does not let itself be told %v", r.SkippedGates)
	case r.Admission == nil:
		return admission.Word{}, errors.New("it said nothing")
	}
	a := r.Admission
	w := admission.Word{Undecodable: a.Undecodable, Unknown: a.Unknown}
	if a.Message != "" {
		for _, part := range a.Refused {
			if text := part.Field + ": " + part.Detail; !slices.Contains(w.Refused, text) {
				w.Refused = append(w.Refused, text)
			}
		}
		if whole := admission.Message(podName(a.Message), w.Refused); whole != a.Message {
			return w, fmt.Errorf("its message is\n%s\nnot\n%s", a.Message, whole)
		}
	}
	if a.Stored == nil {
		return w, nil
	}
	return w, w.Stored(pod.Manifest, a.Stored)
}

// podName is the name as the message writes it, quoted.
func podName(message string) string {
	rest := strings.TrimPrefix(message, "Pod ")
	name, _, _ := strings.Cut(rest, " is invalid: ")
	return strings.Trim(name, `"`)
}
