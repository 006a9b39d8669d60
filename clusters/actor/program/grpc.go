//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor/script"
)

// The kubelet asks for a container's health by a connection of its own, with one call: grpc.health.v1.Health/Check. A server of gRPC would make
// the program several times as large, as one of http would; what has to be understood of HTTP/2 for one call are five kinds of frames.
// RFC 9113; prober/grpc: Probe.

// Kinds and flags of frames. RFC 9113, section 6.
const (
	frameData     = 0
	frameHeaders  = 1
	frameSettings = 4
	framePing     = 6

	flagAck        = 1 // of settings and pings
	flagEndStream  = 1 // of data and headers
	flagEndHeaders = 4
)

// preface is what a client begins with, maxFrame the longest frame that it may send without having been told.
const (
	preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	maxFrame = 1 << 14
)

// grpc answers the calls of one probe.
func (p *process) grpc(port script.Port) {
	listener, err := listen(port.Port)
	if err != nil {
		p.problem(fmt.Errorf("answering grpc: %w", err))
		return
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			p.problem(fmt.Errorf("answering grpc: %w", err))
			return
		}
		go (&caller{process: p, probe: port.Probe, connection: connection}).serve()
	}
}

// caller is a connection of the kubelet's.
type caller struct {
	process    *process
	probe      script.Probe
	connection net.Conn
	writing    sync.Mutex
}

// serve takes every request for a call of Check, whatever its headers say, until the client goes.
func (c *caller) serve() {
	defer c.connection.Close()
	in := bufio.NewReader(c.connection)
	start := make([]byte, len(preface))
	if _, err := io.ReadFull(in, start); err != nil || string(start) != preface {
		return
	}
	c.send(frameSettings, 0, 0, nil)
	for {
		var head [9]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		if length > maxFrame {
			return
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(in, payload); err != nil {
			return
		}
		kind, flags, stream := head[3], head[4], binary.BigEndian.Uint32(head[5:])
		switch {
		case kind == frameSettings && flags&flagAck == 0:
			c.send(frameSettings, flagAck, 0, nil)
		case kind == framePing && flags&flagAck == 0:
			c.send(framePing, flagAck, 0, payload)
		case (kind == frameData || kind == frameHeaders) && flags&flagEndStream != 0:
			go c.check(stream)
		}
	}
}

// send writes a frame. A client that is gone does not matter: it has given up, and knows.
func (c *caller) send(kind, flags byte, stream uint32, payload []byte) {
	frame := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload))<<8|uint32(kind))
	frame[4] = flags
	binary.BigEndian.PutUint32(frame[5:], stream)
	c.writing.Lock()
	defer c.writing.Unlock()
	_, _ = c.connection.Write(append(frame, payload...))
}

// check answers a call with a HealthCheckResponse, whose one field is the status.
func (c *caller) check(stream uint32) {
	const serving, notServing = 1, 2
	p := c.process
	answer := script.AnswerAt(p.life.Answers(c.probe), p.age())
	began := p.write(script.Entry{What: script.ProbeBegin, Name: string(c.probe), Via: "grpc"})
	time.Sleep(time.Duration(answer.Takes))
	p.write(script.Entry{What: script.ProbeEnd, Name: string(c.probe), Via: "grpc", Began: int64(began), Result: answer.Result})
	status := byte(serving)
	if answer.Result == script.Failure {
		status = notServing
	}
	const ok = 0x88 // ":status: 200", of HPACK's static table
	c.send(frameHeaders, flagEndHeaders, stream, literal([]byte{ok}, "content-type", "application/grpc"))
	c.send(frameData, 0, stream, []byte{0, 0, 0, 0, 2, 1 << 3, status})
	c.send(frameHeaders, flagEndHeaders|flagEndStream, stream, literal(nil, "grpc-status", "0"))
}

// literal adds a short header field that neither side keeps. RFC 7541, section 6.2.2.
func literal(block []byte, name, value string) []byte {
	block = append(append(block, 0, byte(len(name))), name...)
	return append(append(block, byte(len(value))), value...)
}
