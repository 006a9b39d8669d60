package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/oracle/drive/kubelet"
	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
)

// batch is how many Pods one process of the oracle runs; its memory grows with each.
const batch = 50

// undirected is the share of the Pods that are not chosen: every so many-th is the first that is drawn, lest what the guide
// does not see, such as the order of events, is only ever met in Pods of one sort.
const undirected = 4

// fuzz compares the Pods of the seed and returns how many differ.
func (c *comparer) fuzz(ctx context.Context) (int, error) {
	drawn, err := newGenerator(c.options.seed, c.target)
	if err != nil {
		return 0, err
	}
	drawn.jobs = c.options.jobs
	g, err := newGuide(c.options.want)
	if err != nil {
		return 0, err
	}
	p := progress{total: c.options.count, release: c.options.release, began: time.Now()}
	for first := 0; first < c.options.count; first += batch {
		pods := make([]generated, min(batch, c.options.count-first))
		for i := range pods {
			if pods[i], err = c.next(drawn, g, uint64(first+i)); err != nil {
				return p.differ, err
			}
		}
		if err := c.fuzzBatch(ctx, pods, g, &p); err != nil {
			return p.differ, err
		}
	}
	p.finish()
	return p.differ, g.report(os.Stdout, c.options.uncovered)
}

// next draws the n-th Pod: of several candidates, the one that the guide prefers.
func (c *comparer) next(drawn *generator, g *guide, n uint64) (generated, error) {
	list := make([]generated, candidates)
	if n%undirected == 0 {
		list = list[:1]
	}
	for i := range list {
		var err error
		if list[i], err = drawn.generate(n, uint64(i)); err != nil {
			return generated{}, err
		}
		c.options.override(&list[i])
	}
	best, err := g.choose(len(list), func(i int) error {
		config := *kubelet.Config(list[i].setting.Jitter)
		config.Choices = []int32{} // as a comparison begins
		return c.simulate(&list[i], config)
	})
	return list[best], err
}

func (c *comparer) fuzzBatch(ctx context.Context, pods []generated, g *guide, p *progress) error {
	before := c.asked
	results, err := c.compare(ctx, pods)
	if err != nil {
		return err
	}
	p.kubelet += c.asked - before
	for i := range results {
		r := &results[i]
		p.count(r)
		if r.equal() {
			config := r.config
			config.Choices = r.result.Choices
			wanted, err := g.count(func() error { return c.simulate(&pods[i], config) })
			if err == nil && wanted {
				_, err = keep(c.options.reach, c.options.release, pods[i])
			}
			if err != nil {
				return err
			}
			continue
		}
		p.clear()
		if err := c.report(ctx, pods[i], *r); err != nil {
			return err
		}
	}
	p.show()
	return nil
}

// report shrinks a Pod that differs, keeps it and says how to run it again. One that the oracle could not run is kept as it is.
func (c *comparer) report(ctx context.Context, pod generated, r outcome) error {
	if r.failure != "" {
		file, err := keep(c.options.keep, c.options.release, pod)
		fmt.Printf("%s: the oracle failed: %s; again with: -replay %s\n", pod.id, r.failure, file)
		return err
	}
	small, r, err := c.shrink(ctx, pod, r)
	if err != nil {
		return err
	}
	file, err := keep(c.options.keep, c.options.release, small)
	if err != nil {
		return err
	}
	target, err := c.target(small.setting)
	fmt.Printf("%s differs on %s; again with: -replay %s\n%s", pod.id, target.Name, file, r.result.Explain())
	return err
}

// progress counts what was compared and shows how long the rest will take.
type progress struct {
	release              string
	total, done          int
	nominal, chosen      int
	differ, failed, runs int
	virtual              time.Duration
	simulator, kubelet   time.Duration // for the same Pods, once each
	began                time.Time
}

func (p *progress) count(o *outcome) {
	p.done++
	p.runs += o.result.Runs
	p.virtual += o.virtual
	p.simulator += o.took
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
	fmt.Printf("for all Pods once, the kubelet took %v and the simulator %v: %.0f times\n", p.kubelet.Round(time.Millisecond),
		p.simulator.Round(time.Microsecond), p.kubelet.Seconds()/p.simulator.Seconds())
}
