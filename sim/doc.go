// Package sim predicts in what order the containers of one Pod start, restart and stop on one node, and what the API
// shows meanwhile. It runs the kubelet's mechanism in virtual time; it is not a table of outcomes.
//
// It refuses to read files, clocks or the environment, to start goroutines, and to know releases: the target comes in as
// named behaviours (package gates). The same input gives the same trace, byte for byte, on every machine; the package
// compiles to WebAssembly. What it does not model, it says: the trace's Unknown list names the field.
//
// # Words
//
// A sidecar is an init container with restartPolicy Always (upstream: restartable init container). A plain init container
// is any other entry of initContainers, a main is an entry of containers. Running is the runtime's word for a process;
// started is the kubelet's verdict, for a sidecar the gate that lets the next container go.
//
// # A run
//
// [Run] takes a [Scenario] (the Pod, what its processes do, what is done to it), a resolved target, and a [Config] (what a
// real node leaves open: phases of tickers, jitter, latencies). It returns a trace.
//
//	targets, err := gates.ParseTargets("1.33")
//	target, err := gates.Resolve(targets[0])
//	t, err := sim.Run(scenario, target, sim.DefaultConfig())
//
// # The mechanism, in the order in which a Pod meets it
//
// The API server (apiserver.go) drops disabled fields, then validates: a Pod may be refused, or lose the field that makes
// its sidecars. The scheduler may find no node. The node may reject the Pod.
//
// The pod worker (worker.go) does one sync at a time, in three phases that only go forward: sync, terminating,
// terminated. Whatever happens asks it for a sync: the relist, a probe result, a deletion, its own work queue. Before each
// sync it waits for a runtime status that is newer than its last one. That wait is why one step of a start takes about
// a second up to 1.35, and why a deletion may be acted on late.
//
// A sync (syncpod.go) first writes the Pod's status, from a snapshot of the runtime (status.go, conditions.go), and only
// then touches containers: what it does becomes visible in the next sync. What to do follows from the snapshot alone
// (actions.go, initactions.go). Starts are serial: back-off, image, create, start, postStart (start.go, backoff.go).
//
// PLEG (pleg.go) lists the runtime once a second, and from 1.36 on also right after a sync that did something. It hands
// the worker its next snapshot.
//
// The prober (probe.go) has one worker for each probe, ticking from the Pod's first sync on. A startup probe that passes
// opens the gate; one that fails, or a liveness probe, has the container killed and started in one sync.
//
// A stop (kill.go) is one purse of grace for preStop, the wait for one's turn, and the time until SIGKILL. All stops begin
// at once; from 1.29 on sidecars wait for the mains and for the sidecars after them.
//
// The status manager (statusmanager.go) sends the status to the API server and holds back a terminal phase while
// containers may run.
//
// # A Job
//
// A scenario with a Job has its controller run (jobcontroller.go): a watch fills its cache (jobrun.go), a work queue has it
// synced a second after the first word of a change, and each sync compares the Pods that are there with those that are wanted,
// makes or deletes some, and counts those that have finished (jobstatus.go): first they are written down, then they lose the
// finalizer that kept them, then they enter the counters. Each Pod is a machine of its own, as if it were alone, with its own
// queue and trace (jobpod.go); the run lets the earliest go on, by one clock (jobagenda.go), and joins the traces at the end
// (jobtrace.go). A Pod counts by its phase, so a sidecar that drains keeps it active; what of a sidecar counts otherwise, its
// restarts and its exit code, is said where it does.
//
// # What is open
//
// Where the real kubelet is free (map order of kills, which of two timers of one instant comes first), the nominal run
// takes one way and a seeded run draws one; the ways taken are in the trace. Many seeds show what could differ.
//
// # A trace
//
// A sidecar with a startup probe holds back the init container behind it, and is stopped after the main. The probe is
// due every second from the Pod's first sync on, so the sidecar counts as started at 1.020s although it could have
// answered at 0.250s; the worker has synced at 0.500s and needs the relist of 1.500s before it can go on. The end of the
// init container at 2.550s is seen by the relist of 3.500s. At the deletion both stops begin; the sidecar waits for its
// turn, and two of its thirty seconds are gone by then.
//
//	     at  role     container  event                           because
//	 0.000s  pod      -          created
//	 0.000s  pod      -          bound                           pod created
//	 0.200s  pod      -          sandbox ready                   pod bound
//	 0.220s  sidecar  proxy      created                         sandbox ready, it is the first init container
//	 0.250s  sidecar  proxy      running                         created
//	 1.020s  sidecar  proxy      startup probe passed            running
//	 1.020s  sidecar  proxy      started                         startup probe passed
//	 1.500s  sidecar  proxy      ready                           running, seen by relist
//	 1.520s  init     warm       created                         proxy startup probe passed, the sidecar before it has started
//	 1.550s  init     warm       running                         created
//	 2.550s  init     warm       exited 0                        running, its process ends by itself
//	 3.520s  main     app        created                         warm exited 0, seen by relist, the Pod is initialized
//	 3.550s  main     app        running                         created
//	 4.500s  main     app        started                         running, seen by relist
//	 4.500s  main     app        ready                           running, seen by relist
//	10.000s  pod      -          deletion requested (grace 30s)  a client deletes the Pod
//	10.000s  sidecar  proxy      stop begins (grace 30s)         deletion requested
//	10.000s  main     app        stop begins (grace 30s)         deletion requested
//	10.000s  main     app        stop signal (grace 30s)         stop begins
//	12.000s  main     app        exited 0                        stop signal, it stops on the signal
//	12.010s  sidecar  proxy      stop signal (grace 28s)         app exited 0, the containers that stop before it are gone
//	12.010s  sidecar  proxy      exited 143                      stop signal, it stops on the signal
//	12.020s  pod      -          sandbox stopped                 proxy exited 143, all containers of the Pod are stopped
//	12.020s  sidecar  proxy      not ready                       exited 143
//	12.020s  main     app        not ready                       proxy exited 143, all containers of the Pod are stopped
//	12.500s  pod      -          removed                         sandbox stopped, seen by relist
package sim
