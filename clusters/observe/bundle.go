package observe

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// taskWait is how long the task of a container is waited for before ctr is asked whose the container is. A start that fails has no task.
const taskWait = 2 * time.Second

// expect keeps a container that was made until it is known whose it is. The files of its task say that for a twentieth of what ctr takes,
// and they are there as soon as there is a task.
func (s *stream) expect(e runtimeEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expected[e.id] = e
	time.AfterFunc(s.taskWait, func() {
		if s.isExpected(e.id) {
			s.identify(e.id)
			s.deliver(e.id)
		}
	})
}

func (s *stream) isExpected(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.expected[id]
	return ok
}

// deliver tells of a container that was expected, if it is known whose it is.
func (s *stream) deliver(id string) {
	s.mu.Lock()
	e, ok := s.expected[id]
	who, known := s.who[id]
	delete(s.expected, id)
	s.mu.Unlock()
	if ok && known {
		s.heard(s.node, e, who)
	}
}

// identifyByTask reads whose the container of a new task is, from the task's bundle. Where that does not say it, ctr is asked.
func (s *stream) identifyByTask(e runtimeEvent) {
	if !s.isExpected(e.id) {
		return // it is known, or was made before anybody listened
	}
	who, err := s.bundle(e.bundle)
	if err != nil {
		s.identify(e.id)
	} else {
		s.mu.Lock()
		who.createdAt = s.expected[e.id].at
		s.who[e.id] = who
		s.mu.Unlock()
	}
	s.deliver(e.id)
}

// annotation is one of those that the CRI plugin gives a container. containerd: pkg/cri/annotations/annotations.go.
var annotation = regexp.MustCompile(`"io\.kubernetes\.cri\.([a-z-]+)":"([^"]*)"`)

// bundle reads a bundle's annotations. They lack the attempt: that of a container is the name of its newest log, which the runtime opens
// before it makes the task; that of a sandbox is the number of those that were heard before.
func (s *stream) bundle(directory string) (identity, error) {
	if directory == "" {
		return identity{}, errors.New("the event of the task names no bundle")
	}
	text, err := s.shell.ask(`grep -o '"io\.kubernetes\.cri\.[^,}]*' ` + directory + "/config.json")
	if err != nil {
		return identity{}, err
	}
	says := map[string]string{}
	for _, match := range annotation.FindAllStringSubmatch(string(text), -1) {
		says[match[1]] = match[2]
	}
	who := identity{pod: says["sandbox-name"], namespace: says["sandbox-namespace"], uid: says["sandbox-uid"], container: says["container-name"]}
	if who.pod == "" || who.namespace == "" || who.uid == "" {
		return identity{}, fmt.Errorf("the annotations in %s do not name a Pod", directory)
	}
	switch says["container-type"] {
	case "sandbox":
		who.container, who.attempt = "", s.sandboxes(who.uid)
		return who, nil
	case "container":
		who.attempt, err = s.newestLog(&who)
		return who, err
	}
	return identity{}, fmt.Errorf("the annotations in %s do not say whether it is a sandbox", directory)
}

// sandboxes counts those of a Pod that were heard.
func (s *stream) sandboxes(uid string) int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int32(0)
	for _, who := range s.who {
		if who.uid == uid && who.container == "" {
			n++
		}
	}
	return n
}

// newestLog is the attempt of the container whose log was opened last. kubelet: pkg/kubelet/kuberuntime/helpers.go: buildContainerLogsPath.
func (s *stream) newestLog(who *identity) (int32, error) {
	directory := path.Join("/var/log/pods", who.namespace+"_"+who.pod+"_"+who.uid, who.container)
	text, err := s.shell.ask("ls -t " + directory)
	if err != nil {
		return 0, err
	}
	newest, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	number, _, _ := strings.Cut(newest, ".")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("the newest log in %s is %q, want a number", directory, newest)
	}
	return int32(n), nil
}
