package actor

import (
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
	"github.com/sidecar-conformance/sidecar-conformance/sim"
)

const (
	// memoryLimit is what a container may use that is to be killed for its memory: several times what the actor needs.
	memoryLimit = 64 << 20
	killedExit  = 137
	// missing is the name of objects that nobody makes.
	missing = "sidecar-conformance-missing"
)

// container replaces one container by the actor. The model is changed to what the actor plays.
func (r *realiser) container(c *corev1.Container, model *sim.Container) {
	s := script.Script{Container: c.Name}
	c.Image, c.ImagePullPolicy = r.options.image(), corev1.PullIfNotPresent
	c.Command, c.Args = []string{Program}, nil
	c.VolumeMounts = []corev1.VolumeMount{mount()}
	if r.options.Restricted {
		restrictContainer(c)
	}
	r.pulls(c, model)
	r.starts(c, model)
	r.runs(c, model, &s)
	r.probe(c.StartupProbe, script.Startup, model, &s)
	r.probe(c.ReadinessProbe, script.Readiness, model, &s)
	r.probe(c.LivenessProbe, script.Liveness, model, &s)
	if model.StopSignal != "" && model.StopSignal != sim.SignalTerm && model.StopSignal != sim.SignalKill {
		r.cannot("container %s: its stop signal is %s; the actor reacts to SIGTERM", c.Name, model.StopSignal)
	}
	if c.Lifecycle != nil {
		r.hook(c.Lifecycle.PostStart, script.PostStart, model, &s)
		r.hook(c.Lifecycle.PreStop, script.PreStop, model, &s)
	}
	if model.Latency != nil {
		r.change("container %s: the runtime takes as long as it does, not as its latency says", c.Name)
		model.Latency = nil
	}
	text, err := json.Marshal(&s)
	if err != nil {
		panic(err) // a Script always encodes
	}
	c.Env = []corev1.EnvVar{{Name: script.Variable, Value: string(text)}}
	model.Image, model.AlwaysPull = c.Image, false
}

// alike reports whether all entries of a list are equal, so that it does not matter which attempt is which.
func alike[T comparable](list []T) bool {
	return !slices.ContainsFunc(list, func(entry T) bool { return entry != list[0] })
}

// pulls realises the pulls. Pulls that succeed are left out, since the image is on the node. One that fails for ever is a
// pull of an image that does not exist; how long it takes is up to the runtime.
func (r *realiser) pulls(c *corev1.Container, model *sim.Container) {
	results := make([]string, len(model.Behavior.Pulls))
	for i, pull := range model.Behavior.Pulls {
		results[i] = pull.Result
	}
	switch {
	case len(results) == 0:
		if model.AlwaysPull {
			r.change("container %s: its image is on the node and is not pulled at each start", c.Name)
		}
	case !alike(results):
		r.cannot("container %s: its first pulls end otherwise than a later one, for which a registry would have to change in between", c.Name)
	case results[0] == "":
		r.change("container %s: its image is on the node and is not pulled", c.Name)
		model.Behavior.Pulls = nil
	case results[0] == "ErrImagePull":
		c.Image = "sidecar-conformance.invalid/" + c.Name + ":missing" // RFC 2606: nobody can have a name in .invalid
	case results[0] == "InvalidImageName":
		c.Image = "sidecar-conformance.invalid/INVALID/" + c.Name // upper case is allowed in the name of a host only
	default:
		r.cannot("container %s: there is no way to make a pull end with %s", c.Name, results[0])
	}
}

// starts realises attempts to create and start the container that fail for ever.
func (r *realiser) starts(c *corev1.Container, model *sim.Container) {
	starts := model.Behavior.Starts
	switch {
	case len(starts) == 0 || alike(starts) && starts[0] == sim.Start{}:
	case slices.ContainsFunc(starts, func(s sim.Start) bool { return s.Start != "" }):
		// containerd: StartContainer sets the status of a container that it could not start to exited, 128, StartError.
		r.cannot("container %s: a start fails and leaves its record in the state created; containerd makes it one that exited 128", c.Name)
	case !alike(starts):
		r.cannot("container %s: its first attempts to be created end otherwise than a later one, for which the cluster would have to change in between", c.Name)
	case starts[0].Create == "ConfigError":
		c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: missing}}}}
	default:
		if c.SecurityContext == nil {
			c.SecurityContext = &corev1.SecurityContext{}
		}
		c.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeLocalhost, LocalhostProfile: new(missing + ".json")}
	}
}

// runs writes the script of the processes.
func (r *realiser) runs(c *corev1.Container, model *sim.Container, s *script.Script) {
	for i := range model.Behavior.Runs {
		run := &model.Behavior.Runs[i]
		if run.OOMKilled {
			s.MemoryLimit = memoryLimit
			c.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(memoryLimit, resource.BinarySI)}
			if run.ExitCode != killedExit {
				r.cannot("container %s: run %d is killed for its memory and exits %d; the kernel's way to kill makes it %d", c.Name, i, run.ExitCode, killedExit)
			}
		}
		if run.OnStop.Only != "" && run.OnStop.Only != sim.SignalTerm {
			r.cannot("container %s: run %d reacts to %s alone; the actor reacts to SIGTERM", c.Name, i, run.OnStop.Only)
		}
		s.Runs = append(s.Runs, process(run))
	}
}

func process(run *sim.Process) script.Process {
	life := script.Duration(run.For)
	if run.For == sim.Forever {
		life = script.Forever
	}
	return script.Process{
		For: life, ExitCode: run.ExitCode, OOMKilled: run.OOMKilled,
		OnStop:    script.OnStop{Ignore: run.OnStop.Ignore, Only: string(run.OnStop.Only), After: script.Duration(run.OnStop.After), ExitCode: run.OnStop.ExitCode},
		Startup:   answers(run.Startup),
		Readiness: answers(run.Readiness),
		Liveness:  answers(run.Liveness),
		PostStart: hookRun(run.PostStart),
		PreStop:   hookRun(run.PreStop),
	}
}

func answers(list []sim.Answer) []script.Answer {
	var out []script.Answer
	for _, a := range list {
		out = append(out, script.Answer{From: script.Duration(a.From), Result: script.Result(a.Result), Takes: script.Duration(a.Takes)})
	}
	return out
}

func hookRun(h sim.HookRun) script.HookRun {
	return script.HookRun{Takes: script.Duration(h.Takes), Fails: h.Fails, EndsProcess: h.EndsProcess}
}

// httpPort is where the container answers http.
func (r *realiser) httpPort(s *script.Script) intstr.IntOrString {
	if s.HTTPPort == 0 {
		s.HTTPPort = r.port()
	}
	return intstr.FromInt32(s.HTTPPort)
}

// probe lets the actor answer a probe in the way it is asked.
func (r *realiser) probe(probe *corev1.Probe, name script.Probe, model *sim.Container, s *script.Script) {
	if probe == nil {
		return
	}
	var errs, takes bool
	for i := range s.Runs {
		for _, a := range s.Runs[i].Answers(name) {
			errs = errs || a.Result == script.Errs
			takes = takes || a.Takes > 0
		}
	}
	where := fmt.Sprintf("container %s: the %s probe", model.Name, name)
	switch h := &probe.ProbeHandler; {
	case h.Exec != nil:
		h.Exec = &corev1.ExecAction{Command: []string{Program, "probe", string(name)}}
		if errs {
			r.cannot("%s cannot be carried out; for an exec the runtime would have to fail", where)
		}
	case h.HTTPGet != nil:
		h.HTTPGet = &corev1.HTTPGetAction{Path: name.Path(), Port: r.httpPort(s)}
	case h.TCPSocket != nil:
		port := r.port()
		s.TCP = append(s.TCP, script.Port{Probe: name, Port: port})
		h.TCPSocket = &corev1.TCPSocketAction{Port: intstr.FromInt32(port)}
		if errs {
			r.cannot("%s cannot be carried out; for the kubelet every answer to a connection is success or failure", where)
		}
		if takes {
			r.cannot("%s takes time; a connection is opened by the kernel, at once", where)
		}
	case h.GRPC != nil:
		port := r.port()
		s.GRPC = append(s.GRPC, script.Port{Probe: name, Port: port})
		h.GRPC = &corev1.GRPCAction{Port: port, Service: h.GRPC.Service}
		if errs {
			r.cannot("%s cannot be carried out; for the kubelet every answer to a call is success or failure", where)
		}
	}
}

// hook lets the actor carry out a hook in the way it is called.
func (r *realiser) hook(h *corev1.LifecycleHandler, name script.Hook, model *sim.Container, s *script.Script) {
	if h == nil {
		return
	}
	ends := slices.ContainsFunc(s.Runs, func(p script.Process) bool { return p.Hook(name).EndsProcess })
	where := fmt.Sprintf("container %s: the %s hook", model.Name, name)
	switch {
	case h.Exec != nil:
		h.Exec = &corev1.ExecAction{Command: []string{Program, "hook", string(name)}}
	case h.HTTPGet != nil:
		h.HTTPGet = &corev1.HTTPGetAction{Path: name.Path(), Port: r.httpPort(s)}
		if name == script.PostStart {
			r.cannot("%s is called by http; the kubelet may call before the process listens, and does not call again", where)
		}
	case h.Sleep != nil && ends:
		r.cannot("%s is a sleep and ends the process; the process does not know of a sleep", where)
	}
}
