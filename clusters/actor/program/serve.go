//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// serve opens the ports of the script. A server of package net/http would make the program three times as large and
// slower to start; what the kubelet asks fits into a few lines.
func (p *process) serve() error {
	if p.script.HTTPPort != 0 {
		listener, err := listen(p.script.HTTPPort)
		if err != nil {
			return fmt.Errorf("answering http: %w", err)
		}
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					p.problem(fmt.Errorf("answering http: %w", err))
					return
				}
				go p.http(connection)
			}
		}()
	}
	for _, port := range p.script.TCP {
		go p.tcp(port)
	}
	for _, port := range p.script.GRPC {
		go p.grpc(port)
	}
	return nil
}

func listen(port int32) (net.Listener, error) {
	return net.Listen("tcp", ":"+strconv.Itoa(int(port)))
}

// http answers one request. It reads the head, nothing else, and closes the connection after the answer.
func (p *process) http(connection net.Conn) {
	defer connection.Close()
	const patience = 10 * time.Second
	if err := connection.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return
	}
	reader := bufio.NewReader(connection)
	first, err := reader.ReadString('\n')
	if err != nil {
		return // nobody asked anything
	}
	for line := first; strings.TrimSpace(line) != ""; {
		if line, err = reader.ReadString('\n'); err != nil {
			return
		}
	}
	words := strings.Fields(first)
	if len(words) < 2 {
		return
	}
	path, _, _ := strings.Cut(words[1], "?")
	for _, probe := range script.Probes() {
		if path == probe.Path() {
			p.httpProbe(connection, probe)
			return
		}
	}
	for _, hook := range script.Hooks() {
		if path == hook.Path() {
			p.httpHook(connection, hook)
			return
		}
	}
	respond(connection, "404 Not Found", 0)
}

// respond writes an answer without a body, of which it promises some bytes.
func respond(connection net.Conn, status string, promised int) {
	// A client that is gone does not matter: it has given up, and knows.
	_, _ = fmt.Fprintf(connection, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", status, promised)
}

// httpProbe answers a probe. One that errs promises a body and breaks off: the kubelet takes an answer that it cannot read
// to its end for an error of its own. prober/http: DoHTTPProbe.
func (p *process) httpProbe(connection net.Conn, probe script.Probe) {
	answer := script.AnswerAt(p.life.Answers(probe), p.age())
	began := p.write(script.Entry{What: script.ProbeBegin, Name: string(probe), Via: "http"})
	time.Sleep(time.Duration(answer.Takes))
	p.write(script.Entry{What: script.ProbeEnd, Name: string(probe), Via: "http", Began: int64(began), Result: answer.Result})
	switch answer.Result {
	case script.Failure:
		respond(connection, "503 Service Unavailable", 0)
	case script.Errs:
		respond(connection, "200 OK", 1)
	default:
		respond(connection, "200 OK", 0)
	}
}

// httpHook carries out a hook. The kubelet does not look at the status of the answer; a hook fails if there is none.
// lifecycle/handlers.go: runHTTPHandler.
func (p *process) httpHook(connection net.Conn, hook script.Hook) {
	does := p.life.Hook(hook)
	began := p.write(script.Entry{What: hook.Begin(), Via: "http"})
	time.Sleep(time.Duration(does.Takes))
	p.write(hookEnd(hook, "http", began, does))
	if !does.Fails {
		respond(connection, "200 OK", 0)
	}
	if does.EndsProcess {
		const delivery = 20 * time.Millisecond // the answer leaves before the process does
		time.Sleep(delivery)
		p.ended <- "a hook ended it"
	}
}

func hookEnd(hook script.Hook, via string, began time.Duration, does script.HookRun) script.Entry {
	result := script.Success
	if does.Fails {
		result = script.Failure
	}
	return script.Entry{What: hook.End(), Via: via, Began: int64(began), Result: result}
}

// tcp keeps a port open while the probe's answer is success, and closed otherwise.
func (p *process) tcp(port script.Port) {
	answers := p.life.Answers(port.Probe)
	if len(answers) == 0 {
		answers = []script.Answer{{Result: script.Success}}
	}
	var open net.Listener
	for i, answer := range answers {
		if i > 0 {
			time.Sleep(time.Duration(answer.From) - p.age())
		}
		switch success := answer.Result == script.Success || answer.Result == ""; {
		case success && open == nil:
			listener, err := listen(port.Port)
			if err != nil {
				p.problem(fmt.Errorf("answering tcp: %w", err))
				return
			}
			open = listener
			p.write(script.Entry{What: script.PortOpened, Name: string(port.Probe), Via: "tcp"})
			go p.accept(listener, port.Probe)
		case !success && open != nil:
			p.write(script.Entry{What: script.PortClosed, Name: string(port.Probe), Via: "tcp"})
			open.Close()
			open = nil
		}
	}
}

// accept notes every connection until the port is closed.
func (p *process) accept(listener net.Listener, probe script.Probe) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		p.write(script.Entry{What: script.ProbeEnd, Name: string(probe), Via: "tcp", Result: script.Success})
		connection.Close()
	}
}
