Feature: Workflows, secrets and events together, which the specification's kit leaves out

  Scenario: A workflow awaits another and takes its output
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: above, version: 1.0.0}
    do:
      - greet: {run: {workflow: {namespace: kit, name: below, version: 1.0.0, input: {name: '${ .who }'}}}}
      - show: {set: {said: '${ .text }'}}
    """
    And given another workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: below, version: 1.0.0}
    do:
      - say: {set: {text: '${ "hello " + .name }'}}
    """
    And given the workflow input is:
    """yaml
    who: Ada
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    said: hello Ada
    """
    And show should run after greet

  Scenario: The fault of a workflow that is awaited can be caught
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: above, version: 1.0.0}
    do:
      - careful:
          try:
            - send: {run: {workflow: {namespace: kit, name: below, version: latest}}}
          catch:
            errors: {with: {status: 409}}
            do:
              - note: {set: {caught: true}}
    """
    And given another workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: below, version: 1.0.0}
    do:
      - stop: {raise: {error: {type: https://kit.example/errors/own, status: 409, title: Own}}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    caught: true
    """

  Scenario: A workflow that is not awaited goes on by itself
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: above, version: 1.0.0}
    do:
      - send: {run: {workflow: {namespace: kit, name: below, version: 1.0.0}, await: false}}
      - show: {set: {sent: true}}
    """
    And given another workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: below, version: 1.0.0}
    do:
      - rest: {wait: {hours: 1}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sent: true
    """

  Scenario: A secret that is set goes out with a call and is not shown
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: secrets, version: 1.0.0}
    use: {secrets: [token]}
    do:
      - send:
          call: http
          with:
            method: post
            endpoint: https://echo.example.com/things
            headers: {x-length: '6'}
            body: {token: '${ $secrets.token }'}
      - show: {set: {sent: '${ .json | has("token") }', hidden: '${ .json.token != "s3cret" }'}}
    """
    And given the secret 'token' is:
    """
    s3cret
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sent: true
    hidden: true
    """

  Scenario: A workflow that listens to one event hears the first that fits
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: one, version: 1.0.0}
    do:
      - hear: {listen: {to: {one: {with: {type: kit.bell, data: '${ .loud }'}}}}}
      - show: {set: {heard: '${ .[0].number }'}}
    """
    And given the event is posted:
    """yaml
    - {specversion: '1.0', id: '1', source: /kit, type: kit.bell, data: {number: 1, loud: false}}
    - {specversion: '1.0', id: '2', source: /kit, type: kit.bell, data: {number: 2, loud: true}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    heard: 2
    """

  Scenario: A workflow that listens to all takes only events that belong together
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: all, version: 1.0.0}
    do:
      - hear:
          listen:
            to:
              all:
                - with: {type: kit.order}
                  correlate: {order: {from: .data.order}}
                - with: {type: kit.payment}
                  correlate: {order: {from: .data.order}}
      - show: {set: {orders: '${ [.[].order] }'}}
    """
    And given the event is posted:
    """yaml
    - {specversion: '1.0', id: '1', source: /kit, type: kit.order, data: {order: 7}}
    - {specversion: '1.0', id: '2', source: /kit, type: kit.payment, data: {order: 8}}
    - {specversion: '1.0', id: '3', source: /kit, type: kit.payment, data: {order: 7}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    orders: [7, 7]
    """

  Scenario: What listens later hears what is posted later
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: later, version: 1.0.0}
    do:
      - first: {listen: {to: {one: {with: {type: kit.bell}}}}}
      - rest: {wait: {milliseconds: 50}}
      - second: {listen: {to: {one: {with: {type: kit.bell}}}}}
      - show: {set: {heard: '${ .[0].number }'}}
    """
    And given the event is posted:
    """yaml
    - {specversion: '1.0', id: '1', source: /kit, type: kit.bell, data: {number: 1}}
    - {specversion: '1.0', id: '2', source: /kit, type: kit.bell, data: {number: 2}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    heard: 2
    """

  Scenario: The fault of another run is heard as its lifecycle event
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: above, version: 1.0.0}
    do:
      - both:
          fork:
            branches:
              - hear: {listen: {to: {one: {with: {type: io.serverlessworkflow.workflow.faulted.v1}}}}}
              - send: {do: [{begin: {run: {workflow: {namespace: kit, name: below, version: 1.0.0}, await: false}}}, {sent: {set: {sent: true}}}]}
      - show: {set: {of: '${ .[0][0].definition.name }', status: '${ .[0][0].error.status }'}}
    """
    And given another workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: below, version: 1.0.0}
    do:
      - stop: {raise: {error: {type: https://kit.example/errors/own, status: 409, title: Own}}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    of: below
    status: 409
    """

  Scenario: A workflow that begins with faults tells of them
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: above, version: 1.0.0}
    do:
      - begin: {run: {workflow: {namespace: kit, name: below, version: 1.0.0}, await: false}}
      - hear: {listen: {to: {one: {with: {type: kit.alarm}}}}}
      - show: {set: {alarm: '${ .[0].about }'}}
    """
    And given another workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: below, version: 1.0.0}
    do:
      - rest: {wait: {milliseconds: 200}}
      - stop: {raise: {error: {type: https://kit.example/errors/own, status: 409, title: Own}}}
    """
    And given another workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: alarm, version: 1.0.0}
    schedule: {on: {one: {with: {type: io.serverlessworkflow.workflow.faulted.v1}}}}
    do:
      - tell: {emit: {event: {with: {source: https://kit.example, type: kit.alarm, data: {about: '${ .[0].definition.name }'}}}}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    alarm: below
    """
