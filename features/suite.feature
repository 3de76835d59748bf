Feature: All scenarios are run and judged together

  Scenario: A suite has a row and a page for every scenario
    Given a folder with the scenarios "usdt-cliff-9m" and "exchange-restart-short"
    When tse suite is typed for the folder with two jobs
    Then it ends with code 0
    And there is a row for each, with its latency against its deadline and its twin
    And a page joins the pages of all

  Scenario: A suite tells how near each rule came to its deadline, and which rules nobody tried
    Given a folder with the scenarios "usdt-cliff-9m" and "exchange-restart-short"
    When tse suite is typed for the folder with two jobs
    Then its end says that the worst peg_deviation took 60 s of 65 s
    And its end names delta_exposure among the rules that no scenario expects
    And its page has a mark for peg_deviation of "usdt-cliff-9m"

  Scenario: A server for continuous integration reads what became of each scenario
    Given a folder with the scenarios "usdt-cliff-9m" and "exchange-restart-short"
    When tse suite is typed for the folder with two jobs
    Then its JUnit file has 2 cases, 0 failures and 0 errors

  Scenario: The scenarios are listed with what each proves
    When tse scenarios is typed
    Then the list says that "market-crash-15pct" proves "critical pnl_drawdown on firm within 5s"
