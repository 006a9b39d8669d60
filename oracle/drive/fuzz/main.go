package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kubelet"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// options are the flags.
type options struct {
	oracle  string
	release string
	count   int
	seed    uint64
	jitter  float64
	off     bool
	keep    string
	replay  string
	runs    int
	shrinks int
}

func main() {
	var o options
	flag.StringVar(&o.oracle, "oracle", "../../build", "folder of the oracle programs")
	flag.StringVar(&o.release, "release", "1.33", "release line, such as 1.33")
	flag.IntVar(&o.count, "n", 1000, "number of Pods")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the Pods")
	flag.Float64Var(&o.jitter, "jitter", 0, "where the kubelet's random waits lie in their range, in [0, 1)")
	flag.BoolVar(&o.off, "off", false, "turn the gate SidecarContainers off")
	flag.StringVar(&o.keep, "keep", "found", "folder for the Pods on which simulator and kubelet differ")
	flag.StringVar(&o.replay, "replay", "", "compare the Pod in this file and show the result")
	flag.IntVar(&o.runs, "runs", 4000, "bound of the search through the simulator's free choices")
	flag.IntVar(&o.shrinks, "shrinks", 150, "bound of the tries to shrink a Pod")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	found, err := run(ctx, o)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(3)
	case found > 0:
		os.Exit(1)
	}
}

// run does what the flags say and returns the number of Pods that differ.
func run(ctx context.Context, o options) (int, error) {
	target, err := o.target()
	if err != nil {
		return 0, err
	}
	c := &comparer{options: o, target: target, program: kubelet.Program(o.oracle, o.release)}
	if o.replay != "" {
		return replay(ctx, c)
	}
	return fuzz(ctx, c)
}

// target is the simulator's view of the oracle's release and gates.
func (o *options) target() (gates.Resolved, error) {
	text := o.release
	switch first := gates.Oldest(); {
	case o.off:
		text += "-" + gates.SidecarContainers
	case strings.HasPrefix(first.String(), o.release+"."):
		text += "+" + gates.SidecarContainers
	}
	targets, err := gates.ParseTargets(text)
	if err != nil {
		return gates.Resolved{}, err
	}
	return gates.Resolve(targets[0])
}

// batch is how many Pods one process of the oracle runs; its memory grows with each.
const batch = 50

func fuzz(ctx context.Context, c *comparer) (int, error) {
	p := progress{total: c.options.count, release: c.options.release, began: time.Now()}
	for first := 0; first < c.options.count; first += batch {
		n := min(batch, c.options.count-first)
		pods := make([]generated, n)
		for i := range pods {
			pods[i] = generate(c.options.seed, uint64(first+i))
		}
		results, err := c.compare(ctx, pods)
		if err != nil {
			return p.differ, err
		}
		for i, r := range results {
			p.count(r)
			if r.result.Verdict == judge.Conforms && r.failure == "" {
				continue
			}
			p.clear()
			if err := c.report(ctx, pods[i], r); err != nil {
				return p.differ, err
			}
		}
		p.show()
	}
	p.finish()
	return p.differ, nil
}

// report shrinks a Pod that differs, keeps it and says how to run it again.
func (c *comparer) report(ctx context.Context, pod generated, r outcome) error {
	if r.failure != "" {
		fmt.Printf("%s: the oracle failed: %s\n", pod.id, r.failure)
		return nil
	}
	small, result, err := c.shrink(ctx, pod, r)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.options.keep, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(small.scenario, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(c.options.keep, fmt.Sprintf("%s-%s.json", c.options.release, pod.id))
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s differs on %s; again with: -release %s -jitter %v -replay %s\n%s", pod.id, c.target.Name, c.options.release, c.options.jitter, file, result.result.Explain())
	return nil
}

func replay(ctx context.Context, c *comparer) (int, error) {
	text, err := os.ReadFile(c.options.replay)
	if err != nil {
		return 0, err
	}
	pod := generated{id: "replay"}
	if err := json.Unmarshal(text, &pod.scenario); err != nil {
		return 0, fmt.Errorf("reading %s: %w", c.options.replay, err)
	}
	results, err := c.compare(ctx, []generated{pod})
	if err != nil {
		return 0, err
	}
	if results[0].failure != "" {
		return 0, errors.New(results[0].failure)
	}
	fmt.Printf("%schoices of the best run: %v\nconfig: %+v\n", results[0].result.Explain(), results[0].result.Choices, results[0].config)
	if results[0].result.Verdict != judge.Conforms {
		return 1, nil
	}
	return 0, nil
}

// progress counts what was compared and shows how long the rest will take.
type progress struct {
	release              string
	total, done          int
	nominal, chosen      int
	differ, failed, runs int
	virtual              time.Duration
	began                time.Time
}

func (p *progress) count(o outcome) {
	p.done++
	p.runs += o.result.Runs
	p.virtual += o.virtual
	switch {
	case o.failure != "":
		p.failed++
	case o.result.Verdict != judge.Conforms:
		p.differ++
	case len(o.result.Choices) > 0:
		p.chosen++
	default:
		p.nominal++
	}
}

func (p *progress) line() string {
	elapsed := time.Since(p.began)
	rate := float64(p.done) / elapsed.Seconds()
	left := time.Duration(float64(p.total-p.done)/rate) * time.Second
	return fmt.Sprintf("%s: %d of %d; equal %d, equal by a choice %d, different %d, failed %d; %.1f Pods/s, %.0f virtual s/s, %v left",
		p.release, p.done, p.total, p.nominal, p.chosen, p.differ, p.failed, rate, p.virtual.Seconds()/elapsed.Seconds(), left.Round(time.Second))
}

func (p *progress) show()  { fmt.Fprintf(os.Stderr, "\r\x1b[K%s", p.line()) }
func (p *progress) clear() { fmt.Fprint(os.Stderr, "\r\x1b[K") }

func (p *progress) finish() {
	p.clear()
	fmt.Printf("%s; %d simulations in %v\n", p.line(), p.runs, time.Since(p.began).Round(time.Second))
}
