package cri

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	fake "k8s.io/cri-api/pkg/apis/testing"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Event is something that the runtime did or was told, at this instant.
type Event struct {
	Kind      trace.Kind
	Pod       string // its UID
	Container string // empty: the sandbox
	Run       int32
	ExitCode  int32
	Reason    string
	Span      time.Duration
}

// ProbeCall is one exec of a probe.
type ProbeCall struct {
	Pod        string
	Container  string
	Run        int32
	Probe      string // startup, readiness, liveness
	Begin, End time.Time
	Result     string // success, failure, error
}

// Hooks are told what happens, one call at a time, in order. They must not call back.
type Hooks struct {
	Event func(Event)
	Probe func(ProbeCall)
}

// Service is the runtime service and the image service. The embedded fake answers the one call that not every release has, so that no method
// can be written for it: UpdatePodSandboxResources, from 1.33 on.
type Service struct {
	internalapi.RuntimeService
	hooks Hooks

	calls atomic.Int32 // that are under way

	mu         sync.Mutex
	scripts    map[role]*script
	order      []role             // those of the scripts, in the order of loading and of the Pod
	others     map[string]*script // images on the node that a container was given later, with its script
	sandboxes  []*sandbox
	containers []*container
	lastMade   time.Time
	made       int // sandboxes and containers ever made: no id comes twice
	latency    sim.Latency
	root       string
}

// role is a container of a Pod: its script's.
type role struct{ pod, name string }

// sandbox is one record of a Pod's sandbox.
type sandbox struct {
	id      string
	config  *runtimeapi.PodSandboxConfig
	ready   bool
	created time.Time
}

// New returns a runtime that knows no Pod yet. It writes logs, empty ones, below root only.
func New(hooks Hooks, root string) *Service {
	return &Service{RuntimeService: fake.NewFakeRuntimeService(), hooks: hooks, root: root, scripts: map[role]*script{}, others: map[string]*script{}}
}

// Load tells the runtime what the containers of the Pod with the UID will do; image names the image of a container.
func (s *Service) Load(uid string, pod sim.Pod, latency sim.Latency, image func(sim.Container) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = latency
	for _, list := range [][]sim.Container{pod.Init, pod.Main, pod.Ephemeral} {
		for _, c := range list {
			script := &script{container: c, latency: latency, image: image(c), present: len(c.Behavior.Pulls) == 0}
			if c.Latency != nil {
				script.latency = *c.Latency
			}
			r := role{uid, c.Name}
			s.scripts[r] = script
			s.order = append(s.order, r)
		}
	}
}

// HasImage says that an image is on the node that a container of the Pod is about to be given.
func (s *Service) HasImage(uid, container, image string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.others[image] = s.scripts[role{uid, container}]
}

// ConfigError counts an attempt to configure a container of the Pod and reports whether it shall fail.
func (s *Service) ConfigError(uid, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := role{uid, name}
	script := s.scripts[r]
	if script == nil || entry(script.container.Behavior.Starts, script.starts).Create != "ConfigError" {
		return false
	}
	script.starts++
	s.hooks.Event(Event{Kind: trace.CreateError, Pod: uid, Container: name, Run: s.attempts(r), Reason: "CreateContainerConfigError"})
	return true
}

// Busy reports whether a call is under way, a process runs or a sandbox is ready.
func (s *Service) Busy() bool {
	if s.calls.Load() > 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.containers {
		if c.state == runtimeapi.ContainerState_CONTAINER_RUNNING {
			return true
		}
	}
	for _, box := range s.sandboxes {
		if box.ready {
			return true
		}
	}
	return false
}

// attempts is the attempt number that the next container of that role will have. The lock is held.
func (s *Service) attempts(r role) int32 {
	next := int32(0)
	for _, c := range s.containers {
		if c.pod == r.pod && c.name == r.name {
			next = max(next, int32(c.attempt)+1)
		}
	}
	if next > 0 {
		return next
	}
	return s.logged(r)
}

func (s *Service) event(c *container, kind trace.Kind, e Event) {
	e.Kind, e.Pod, e.Container, e.Run = kind, c.pod, c.name, int32(c.attempt)
	s.hooks.Event(e)
}

// madeAt returns this instant, or a little later if the last record was made now: the
// kubelet sorts records by it. The lock is held.
func (s *Service) madeAt() time.Time {
	at := time.Now()
	if !at.After(s.lastMade) {
		at = s.lastMade.Add(time.Nanosecond)
	}
	s.lastMade = at
	return at
}

func (s *Service) find(id string) (*container, error) {
	for _, c := range s.containers {
		if c.id == id {
			return c, nil
		}
	}
	return nil, status.Errorf(codes.NotFound, "container %q not found", id)
}

// Version answers as a runtime of CRI v1.
func (s *Service) Version(context.Context, string) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{Version: "0.1.0", RuntimeName: "containerd", RuntimeVersion: "2.0.0", RuntimeApiVersion: "v1"}, nil
}

// RuntimeConfig names no cgroup driver.
func (s *Service) RuntimeConfig(context.Context) (*runtimeapi.RuntimeConfigResponse, error) {
	return nil, status.Error(codes.Unimplemented, "not implemented")
}

// UpdateRuntimeConfig does nothing.
func (s *Service) UpdateRuntimeConfig(context.Context, *runtimeapi.RuntimeConfig) error { return nil }

// CreateContainer makes a record after the container's create latency.
func (s *Session) CreateContainer(_ context.Context, sandboxID string, config *runtimeapi.ContainerConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	s.alive()
	name := config.GetMetadata().GetName()
	s.mu.Lock()
	box, err := s.findSandbox(sandboxID)
	if err != nil {
		s.mu.Unlock()
		return "", err
	}
	uid := box.uid()
	script := s.scripts[role{uid, name}]
	if script == nil {
		s.mu.Unlock()
		return "", fmt.Errorf("container %q of Pod %s has no script", name, uid)
	}
	attempt := entry(script.container.Behavior.Starts, script.starts)
	script.starts++
	s.mu.Unlock()

	s.work(script.latency.Create)

	s.mu.Lock()
	defer s.mu.Unlock()
	if attempt.Create == "Error" {
		s.hooks.Event(Event{Kind: trace.CreateError, Pod: uid, Container: name, Run: int32(config.GetMetadata().GetAttempt()), Reason: "CreateContainerError"})
		return "", errors.New("scripted create error")
	}
	if s.lost(sandboxID) {
		s.hooks.Event(Event{Kind: trace.CreateError, Pod: uid, Container: name, Run: int32(config.GetMetadata().GetAttempt()), Reason: "CreateContainerError"})
		return "", errors.New("the sandbox is not ready")
	}
	c := &container{
		id:      fmt.Sprintf("%s-%d-%d", name, config.GetMetadata().GetAttempt(), s.made),
		sandbox: sandboxID, pod: uid, name: name, attempt: config.GetMetadata().GetAttempt(), script: script, config: config,
		state: runtimeapi.ContainerState_CONTAINER_CREATED, createdAt: s.madeAt(), log: s.logOf(sandboxID, config),
	}
	script.number(c)
	if attempt.Start == "Error" {
		c.reason = "scripted start error"
	}
	s.made++
	s.containers = append(s.containers, c)
	s.event(c, trace.Created, Event{})
	return c.id, nil
}

// StartContainer returns when the process runs.
func (s *Session) StartContainer(_ context.Context, id string) error {
	s.mu.Lock()
	c, err := s.find(id)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	s.work(c.script.latency.Start)
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.lost(c.sandbox)
	if c.reason == "" && lost {
		c.reason = "the sandbox is not ready"
	}
	if !lost {
		if err := beginLog(c.log); err != nil {
			return err
		}
	}
	if c.reason != "" {
		s.event(c, trace.StartError, Event{Reason: "RunContainerError"})
		return errors.New(c.reason)
	}
	s.start(c)
	return nil
}

// StopContainer sends the stop signal, waits for the end at most timeout seconds, then kills.
func (s *Session) StopContainer(_ context.Context, id string, timeout int64) error {
	s.alive()
	s.mu.Lock()
	c, err := s.find(id)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	running := c.state == runtimeapi.ContainerState_CONTAINER_RUNNING
	if running {
		signal := stopSignal(c.config)
		s.event(c, trace.StopSignal, Event{Span: time.Duration(timeout) * time.Second, Reason: string(signal)})
		s.signal(c, signal)
	}
	s.mu.Unlock()
	if running {
		limit := time.NewTimer(time.Duration(timeout) * time.Second)
		select {
		case <-c.ended:
			limit.Stop()
		case <-limit.C:
			s.alive()
			s.kill(c)
		}
	}
	s.work(c.script.latency.Stop)
	return nil
}

// kill is SIGKILL. A process whose own end is due at this very instant comes first.
func (s *Session) kill(c *container) {
	s.mu.Lock()
	due := !c.endsAt.IsZero() && !c.endsAt.After(time.Now())
	if !due && c.state == runtimeapi.ContainerState_CONTAINER_RUNNING {
		s.event(c, trace.KillSignal, Event{})
		s.end(c, killed, false)
	}
	s.mu.Unlock()
	<-c.ended
}

// RemoveContainer forgets the record.
func (s *Session) RemoveContainer(_ context.Context, id string) error {
	s.alive()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.containers {
		if c.id == id {
			s.containers = append(s.containers[:i:i], s.containers[i+1:]...)
			s.event(c, trace.Removed, Event{})
			return nil
		}
	}
	return nil
}

// ListContainers lists the records that pass the filter, newest first.
func (s *Session) ListContainers(_ context.Context, filter *runtimeapi.ContainerFilter) ([]*runtimeapi.Container, error) {
	s.alive()
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*runtimeapi.Container
	for i := len(s.containers) - 1; i >= 0; i-- {
		c := s.containers[i]
		if filter != nil && (filter.Id != "" && filter.Id != c.id ||
			filter.PodSandboxId != "" && filter.PodSandboxId != c.sandbox ||
			filter.State != nil && filter.State.State != c.state ||
			!matches(filter.LabelSelector, c.config.Labels)) {
			continue
		}
		list = append(list, &runtimeapi.Container{
			Id: c.id, PodSandboxId: c.sandbox, Metadata: c.config.Metadata, Image: c.config.Image, ImageRef: c.script.image,
			State: c.state, CreatedAt: c.createdAt.UnixNano(), Labels: c.config.Labels, Annotations: c.config.Annotations,
		})
	}
	return list, nil
}

func matches(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// ContainerStatus shows one record.
func (s *Session) ContainerStatus(_ context.Context, id string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	s.alive()
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.find(id)
	if err != nil {
		return nil, err
	}
	shown := &runtimeapi.ContainerStatus{
		Id: c.id, Metadata: c.config.Metadata, State: c.state, CreatedAt: c.createdAt.UnixNano(),
		Image: c.config.Image, ImageRef: c.script.image, Labels: c.config.Labels, Annotations: c.config.Annotations,
		LogPath: c.log,
	}
	showStopSignal(shown, c.config)
	if c.state != runtimeapi.ContainerState_CONTAINER_CREATED {
		shown.StartedAt = c.startedAt.UnixNano()
	}
	if c.state == runtimeapi.ContainerState_CONTAINER_EXITED {
		shown.FinishedAt, shown.ExitCode, shown.Reason = c.finishedAt.UnixNano(), c.exitCode, c.reason
	}
	return &runtimeapi.ContainerStatusResponse{Status: shown}, nil
}

// ListContainerStats, ListPodSandboxStats: nothing is measured.
func (s *Service) ListContainerStats(context.Context, *runtimeapi.ContainerStatsFilter) ([]*runtimeapi.ContainerStats, error) {
	return nil, nil
}

// ListPodSandboxStats lists nothing.
func (s *Service) ListPodSandboxStats(context.Context, *runtimeapi.PodSandboxStatsFilter) ([]*runtimeapi.PodSandboxStats, error) {
	return nil, nil
}

// UpdateContainerResources takes no time.
func (s *Session) UpdateContainerResources(context.Context, string, *runtimeapi.ContainerResources) error {
	s.alive()
	return nil
}
