"""What DC connectors have beside their controllers: power modules of the station, insulation monitors."""
