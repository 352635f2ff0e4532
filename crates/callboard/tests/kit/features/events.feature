Feature: Forks that compete, loops and events that the specification's kit leaves out

  Scenario: The first branch that completes wins the race
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: race, version: 1.0.0}
    do:
      - race:
          fork:
            compete: true
            branches:
              - slow: {do: [{rest: {wait: {minutes: 10}}}, {say: {set: {name: slow}}}]}
              - fast: {set: {name: fast}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    name: fast
    """
    And say should not run

  Scenario: A branch that fails leaves the race to the others
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: race, version: 1.0.0}
    do:
      - race:
          fork:
            compete: true
            branches:
              - wrong: {raise: {error: {type: https://kit.example/errors/own, status: 409, title: Own}}}
              - right: {do: [{rest: {wait: {milliseconds: 5}}}, {say: {set: {name: right}}}]}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    name: right
    """

  Scenario: A branch that fails ends the others where nobody competes
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: together, version: 1.0.0}
    do:
      - both:
          fork:
            branches:
              - wrong: {raise: {error: {type: https://kit.example/errors/own, status: 409, title: Own}}}
              - right: {do: [{rest: {wait: {minutes: 10}}}, {say: {set: {name: right}}}]}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 409
    """
    And say should not run

  Scenario: A loop ends as soon as its condition is false
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: while, version: 1.0.0}
    do:
      - count:
          for: {each: number, in: '${ [1, 2, 3, 4] }', at: position}
          while: '${ .sum < 3 }'
          do:
            - add: {set: {sum: '${ .sum + $number }'}}
    """
    And given the workflow input is:
    """yaml
    sum: 0
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sum: 3
    """

  Scenario: Each event that was listened for has its turn, in order
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: turns, version: 1.0.0}
    do:
      - both:
          fork:
            branches:
              - hear:
                  listen: {to: {any: [{with: {type: kit.bell}}], until: '${ length == 2 }'}}
                  foreach:
                    item: bell
                    do:
                      - note: {set: {heard: '${ $bell.number }'}}
              - ring:
                  do:
                    - first: {emit: {event: {with: {source: https://kit.example, type: kit.bell, data: {number: 1}}}}}
                    - second: {emit: {event: {with: {source: https://kit.example, type: kit.bell, data: {number: 2}}}}}
                    - rung: {set: {rung: 2}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - [{heard: 1}, {heard: 2}]
    - {rung: 2}
    """

  Scenario: An event that fits no filter is not heard
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: deaf, version: 1.0.0}
    timeout: {after: {milliseconds: 300}}
    do:
      - both:
          fork:
            branches:
              - hear: {listen: {to: {one: {with: {type: kit.bell, data: '${ .loud }'}}}}}
              - ring: {emit: {event: {with: {source: https://kit.example, type: kit.bell, data: {loud: false}}}}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 408
    """
